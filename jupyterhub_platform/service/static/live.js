"use strict";
/* Says how old a page is, and keeps its live part fresh. Without it, there is a link. */
(() => {
  const staleAfter = 60;
  const live = document.getElementById("live");
  const every = Number(live?.dataset.every || 15);
  if (!document.getElementById("age")) return;

  let failed = false;
  let readAt = Date.now();

  const sentence = () => live.querySelector(".answer").textContent;

  const say = (seconds) =>
    seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`;

  const showAge = () => {
    const age = document.getElementById("age");
    const seconds = Math.floor((Date.now() - readAt) / 1000);
    const stale = failed || seconds > staleAfter;
    age.textContent = stale ? `stale, as of ${say(seconds)} ago` : `as of ${say(seconds)} ago`;
    age.classList.toggle("stale", stale);
    if (live) live.classList.toggle("stale", stale);
  };

  const refresh = async () => {
    // An element in use is not replaced.
    if (document.hidden || live.contains(document.activeElement)) return;
    const address = new URL(window.location.href);
    address.searchParams.set("part", "live");
    address.searchParams.delete("stopped");
    try {
      const answer = await fetch(address, {
        headers: { "X-XSRFToken": window.jhdata.xsrf_token },
        redirect: "error",
      });
      failed = !answer.ok;
      if (answer.ok) {
        const before = sentence();
        live.innerHTML = await answer.text();
        readAt = Date.now();
        // Announced to screen readers only when it changes.
        if (sentence() !== before) document.getElementById("news").textContent = sentence();
      }
    } catch {
      failed = true;
    }
    showAge();
  };

  showAge();
  setInterval(showAge, 1000);
  if (live) setInterval(refresh, every * 1000);
})();
