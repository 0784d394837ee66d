"use strict";
(() => {
  const form = document.querySelector("form");
  if (!form) return;
  const items = [...document.querySelectorAll("article")].map((element) => ({
    element,
    level: element.dataset.level,
    domain: element.dataset.domain,
    who: element.dataset.who.split("\n"),
    counts: !element.closest(".acknowledged"),
    text: element.textContent.toLowerCase(),
  }));
  const boxes = [...form.querySelectorAll("[name=level]")];
  const { q, domain, who } = form.elements;

  const read = () => {
    if (location.hash && !location.hash.includes("=")) return;
    const asked = new URLSearchParams(location.hash.slice(1));
    const levels = asked.has("level") ? asked.get("level").split(",") : null;
    for (const box of boxes) box.checked = !levels || levels.includes(box.value);
    q.value = asked.get("q") ?? "";
    for (const select of [domain, who]) {
      if (!select) continue;
      const value = asked.get(select.name) ?? "";
      select.value = [...select.options].some((option) => option.value === value) ? value : "";
    }
  };

  const write = () => {
    const asked = new URLSearchParams();
    if (boxes.some((box) => !box.checked)) asked.set("level", boxes.filter((box) => box.checked).map((box) => box.value).join(","));
    for (const control of [domain, who, q]) if (control && control.value) asked.set(control.name, control.value);
    const fragment = asked.toString();
    history.replaceState(null, "", fragment ? "#" + fragment : location.pathname + location.search);
  };

  const apply = () => {
    const levels = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    const words = q.value.toLowerCase().split(/\s+/).filter(Boolean);
    const counts = {};
    let shown = 0;
    for (const item of items) {
      const fits = (!domain || !domain.value || item.domain === domain.value)
        && (!who || !who.value || item.who.includes(who.value))
        && words.every((word) => item.text.includes(word));
      if (fits && item.counts) counts[item.level] = (counts[item.level] ?? 0) + 1;
      item.element.hidden = !(fits && levels.has(item.level));
      if (!item.element.hidden) shown += 1;
    }
    for (const box of boxes) box.nextElementSibling.querySelector(".count").textContent = counts[box.value] ?? 0;
    for (const section of document.querySelectorAll("main section")) {
      const left = section.querySelectorAll("article:not([hidden])").length;
      section.hidden = left === 0;
      section.querySelector(".count").textContent = left;
    }
    form.querySelector("output").textContent = shown === items.length ? "All " + shown : shown + " of " + items.length;
    document.querySelector(".none").hidden = shown > 0;
  };

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => { apply(); write(); });
  form.addEventListener("reset", () => setTimeout(() => { apply(); write(); }));
  addEventListener("hashchange", () => { read(); apply(); });
  read();
  apply();
  form.hidden = false;
})();
