// Closes the account menu as menus close: by Escape, and once something else is used.
(function () {
  "use strict";

  const menu = document.querySelector(".platform-account");
  if (!menu) return;
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && menu.open) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
  for (const kind of ["focusin", "click"]) {
    document.addEventListener(kind, (event) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  }
})();
