"use strict";
/* Says how old a page is, and keeps its live part fresh. Without it, there is a link. */
(() => {
  const staleAfter = 60;
  const live = document.getElementById("live");
  const every = Number(live?.dataset.every || 15);
  const again = document.getElementById("again");

  const ask = (address) =>
    fetch(address, {
      headers: { "X-XSRFToken": window.jhdata.xsrf_token },
      redirect: "manual",
    });

  // The page that stands in for the answer to a form cannot know its method otherwise.
  document.addEventListener("submit", ({ target }) => {
    if (target.method !== "post") return;
    const address = new URL(target.action);
    address.searchParams.set("sent", "1");
    target.action = address;
  });

  const tryAgain = async () => {
    try {
      const answer = await ask(window.location.href);
      if (answer.status === 503) return;
    } catch {
      return;
    }
    window.location.reload();
  };
  if (again) setInterval(tryAgain, Number(again.dataset.every) * 1000);

  if (!document.getElementById("age")) return;

  let why = "";
  let readAt = Date.now();

  const sentence = () => live.querySelector(".answer").textContent;

  const say = (seconds) =>
    seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`;

  const showAge = () => {
    const age = document.getElementById("age");
    const seconds = Math.floor((Date.now() - readAt) / 1000);
    const stale = why || seconds > staleAfter;
    const then = why && ` ${why} This page is tried again every ${every} s.`;
    age.textContent = stale
      ? `stale, as of ${say(seconds)} ago.${then}`
      : `as of ${say(seconds)} ago`;
    age.classList.toggle("stale", stale);
    if (live) live.classList.toggle("stale", stale);
  };

  const announce = (text) => {
    document.getElementById("news").textContent = text;
  };

  const explain = async (answer) => {
    if (answer.type === "opaqueredirect") return "You are logged out: reload the page.";
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const said = page.querySelector(".answer, .platform-answer");
    return said ? said.textContent : "The platform does not answer.";
  };

  const refresh = async () => {
    // An element in use is not replaced.
    if (document.hidden || live.contains(document.activeElement)) return;
    const address = new URL(window.location.href);
    address.searchParams.set("part", "live");
    address.searchParams.delete("stopped");
    const before = why;
    try {
      const answer = await ask(address);
      why = answer.ok ? "" : await explain(answer);
      if (answer.ok) {
        const earlier = sentence();
        live.innerHTML = await answer.text();
        readAt = Date.now();
        // Announced to screen readers only when it changes.
        if (before || sentence() !== earlier) announce(sentence());
      }
    } catch {
      why = "The platform does not answer.";
    }
    if (why && why !== before) announce(why);
    showAge();
  };

  showAge();
  setInterval(showAge, 1000);
  if (!live) return;
  setInterval(refresh, every * 1000);
  document.addEventListener("visibilitychange", refresh);
})();
