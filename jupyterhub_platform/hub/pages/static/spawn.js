// Makes the spawn page more comfortable. Without it, tiers can still be chosen and started.
(function () {
  "use strict";

  const PAUSE_MS = 1000;
  const MAX_MS = 180000;
  const form = document.getElementById("spawn_form");
  const page = form.querySelector(".platform-spawn");
  const status = document.getElementById("platform-status");
  if (!page || !status) {
    return;
  }

  function say(text) {
    status.textContent = text;
  }

  // Choosing a size or an image chooses its tier.
  for (const field of page.querySelectorAll("[data-tier]")) {
    field.addEventListener("change", () => {
      document.getElementById(field.dataset.tier).checked = true;
    });
  }

  const start = document.getElementById("platform-start");
  form.addEventListener("submit", () => {
    if (start) {
      start.disabled = true;
      start.textContent = "Starting…";
      say("Starting.");
    }
  });
  // The browser's back button shows the page as it was left.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted && start) {
      start.disabled = false;
      start.textContent = "Start";
    }
  });

  function ask(method, url) {
    return fetch(url, {
      method: method,
      headers: { Accept: "application/json", "X-XSRFToken": window.jhdata.xsrf_token },
      credentials: "same-origin",
    });
  }

  async function reasonOf(response) {
    try {
      return (await response.json()).message || response.statusText;
    } catch {
      return response.statusText;
    }
  }

  function pause() {
    return new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }

  // The Hub answers 202 while a server is still stopping: it is listed until it is gone.
  async function isGone(name) {
    const response = await ask("GET", page.dataset.userUrl);
    if (!response.ok) {
      throw new Error(await reasonOf(response));
    }
    return !(name in ((await response.json()).servers || {}));
  }

  async function stop(button) {
    const response = await ask("DELETE", button.dataset.stopUrl);
    if (!response.ok) {
      throw new Error(await reasonOf(response));
    }
    const until = Date.now() + MAX_MS;
    while (response.status === 202 && !(await isGone(button.dataset.server))) {
      if (Date.now() > until) {
        throw new Error("It is still stopping. Load this page again in a minute.");
      }
      await pause();
    }
  }

  function tell(button, text) {
    let note = button.parentElement.querySelector(".platform-stop-failed");
    if (!note) {
      note = document.createElement("span");
      note.className = "platform-stop-failed platform-small";
      note.setAttribute("role", "alert");
      button.parentElement.append(note);
    }
    note.textContent = text;
  }

  for (const button of page.querySelectorAll(".platform-stop")) {
    button.addEventListener("click", async () => {
      const title = button.dataset.title;
      if (!window.confirm(`Stop ${title}? What runs in it ends, and what was not saved is lost.`)) {
        return;
      }
      button.disabled = true;
      button.textContent = "Stopping…";
      say(`Stopping ${title}.`);
      try {
        await stop(button);
      } catch (error) {
        button.disabled = false;
        button.textContent = "Stop";
        tell(button, `Not stopped. ${error.message}`);
        return;
      }
      // A GET of this page with the tier preselected; reloading could post the form once more.
      window.location.assign(button.dataset.again);
    });
  }
})();
