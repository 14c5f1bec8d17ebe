// Probe is what the tests run in pods: one small program, one verb each.
//
//	probe serve TEXT          answer every request to port 8080 with TEXT
//	probe get URL             print what URL answers; exit code 1 if nothing does within 10 s
//	probe eat BYTES           allocate and touch that much memory, then sleep
//	probe write FILE TEXT     write a file
//	probe read FILE           print a file
//	probe sleep
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("a verb is missing"))
	}
	verb, rest := os.Args[1], append(os.Args[2:], "", "")
	switch verb {
	case "serve":
		fail(http.ListenAndServe(":8080", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, rest[0])
		})))
	case "get":
		get(rest[0])
	case "eat":
		eat(rest[0])
	case "write":
		check(os.WriteFile(rest[0], []byte(rest[1]), 0o644))
	case "read":
		text, err := os.ReadFile(rest[0])
		check(err)
		os.Stdout.Write(text)
	case "sleep":
		sleep()
	default:
		fail(fmt.Errorf("there is no verb %q", verb))
	}
}

func get(url string) {
	client := http.Client{Timeout: 3 * time.Second}
	deadline := time.Now().Add(10 * time.Second)
	for {
		answer, err := client.Get(url)
		if err == nil {
			_, err = io.Copy(os.Stdout, answer.Body)
			answer.Body.Close()
			check(err)
			return
		}
		// What is new takes a moment to be known everywhere.
		if time.Now().After(deadline) {
			fail(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func eat(size string) {
	bytes, err := strconv.Atoi(size)
	check(err)
	eaten := make([]byte, bytes)
	for at := 0; at < len(eaten); at += 4096 {
		eaten[at] = 1
	}
	sleep()
	fmt.Println(len(eaten)) // keeps it alive
}

func sleep() {
	for {
		time.Sleep(time.Hour)
	}
}

func check(err error) {
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "probe:", err)
	os.Exit(1)
}
