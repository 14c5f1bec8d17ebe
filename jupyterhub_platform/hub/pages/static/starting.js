// Shows how a start goes on, as the Hub tells it. Without it, the page is loaded again and again.
(function () {
  "use strict";

  const page = document.getElementById("starting");
  const steps = document.getElementById("starting-steps");
  const log = document.getElementById("starting-log");
  const answer = document.getElementById("starting-answer");
  const cancel = document.getElementById("starting-cancel");
  const opened = Date.now();
  let last = "";
  let ended = false;

  function showTime(when, at) {
    when.dateTime = at.toISOString();
    when.title = at.toUTCString();
    when.textContent = at.toLocaleTimeString([], { hour12: false });
  }

  for (const when of steps.querySelectorAll("time")) {
    showTime(when, new Date(when.dateTime));
  }

  // What the Hub tells first may have happened at any time before: that gets no time of ours.
  function timeOf(event) {
    if (event.at) return new Date(event.at);
    return Date.now() - opened > 1500 ? new Date() : null;
  }

  function add(event) {
    const words = event.step || event.message;
    if (!words || words === last) return;
    last = words;
    const step = document.createElement("li");
    const when = document.createElement("time");
    const at = timeOf(event);
    if (at) showTime(when, at);
    const said = document.createElement("span");
    said.textContent = words;
    step.append(when, " ", said);
    steps.append(step);
  }

  function addToLog(event) {
    const line = document.createElement("li");
    line.textContent = event.message;
    log.querySelector("ul").append(line);
    log.hidden = false;
  }

  function end(state, words) {
    ended = true;
    document.getElementById("starting-state").textContent = state;
    answer.textContent = words;
    document.getElementById("starting-again").hidden = false;
    if (cancel) cancel.hidden = true;
  }

  const source = new EventSource(page.dataset.progressUrl);
  source.onmessage = (message) => {
    const event = JSON.parse(message.data);
    if (event.ready) {
      source.close();
      window.location.reload();
    } else if (event.failed) {
      source.close();
      if (!ended) end("did not start", event.message.replace(/^Spawn failed: /, ""));
    } else if (event.progress !== 0) {
      if (event.raw_event) addToLog(event);
      if (event.step || !event.raw_event) add(event);
    }
  };
  source.onerror = () => {
    // The browser itself connects again, unless the Hub refused.
    if (source.readyState === EventSource.CLOSED && !ended) window.location.reload();
  };

  if (!cancel || !page.dataset.stopUrl) return;
  cancel.setAttribute("role", "button");
  cancel.addEventListener("keydown", (event) => {
    if (event.key === " ") {
      event.preventDefault();
      cancel.click();
    }
  });
  cancel.addEventListener("click", async (event) => {
    event.preventDefault();
    cancel.textContent = "Cancelling…";
    source.close();
    try {
      const stopped = await fetch(page.dataset.stopUrl, {
        method: "DELETE",
        headers: { Accept: "application/json", "X-XSRFToken": window.jhdata.xsrf_token },
      });
      if (!stopped.ok) throw new Error((await stopped.json()).message);
      end("is cancelled", "It holds nothing any more.");
      document.getElementById("starting-again").focus();
    } catch (error) {
      cancel.textContent = "Cancel";
      answer.textContent = `Not cancelled. ${error.message}`;
    }
  });
})();
