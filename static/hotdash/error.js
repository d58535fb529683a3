/* The theme that the person chose in the admin, and the way back. */
(() => {
  let theme = "auto";
  try { theme = JSON.parse(localStorage.getItem("_x_adminTheme") || localStorage.getItem("adminTheme") || '"auto"'); } catch { /* no storage: as the system */ }
  if (theme === "dark" || (theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches)) document.documentElement.classList.add("dark");
  document.addEventListener("DOMContentLoaded", () => {
    const back = document.getElementById("hd-back");
    if (back && history.length > 1) { back.hidden = false; back.addEventListener("click", () => history.back()); }
  });
})();
