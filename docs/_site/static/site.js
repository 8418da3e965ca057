// What furo leaves out for those who hear a page, or read it by the keyboard.
document.addEventListener("DOMContentLoaded", () => {
  for (const part of document.querySelectorAll(".highlight pre, .table-wrapper")) {
    if (part.scrollWidth <= part.clientWidth) continue;
    part.tabIndex = 0; // what scrolls sideways
    part.setAttribute("role", "group");
    part.setAttribute("aria-label", part.matches("pre") ? "code" : "table");
  }
  document.querySelectorAll(".sidebar-tree .caption").forEach((part) => part.setAttribute("aria-level", "2"));
  document.querySelector(".sidebar-drawer")?.setAttribute("aria-label", "all pages");
  document.querySelector(".toc-drawer")?.setAttribute("aria-label", "this page");
  for (const head of document.querySelectorAll("th")) {
    if (!head.textContent.trim()) head.replaceWith(document.createElement("td"));
  }
});
