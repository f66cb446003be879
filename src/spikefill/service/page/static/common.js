// What panels share: a bar that says how far work is. A bar without a value moves to and fro.

function showProgress(underway) {
  const box = element.querySelector(".underway"), bar = box.querySelector("progress");
  box.hidden = !underway;
  if (!underway) return;
  if (underway.share === null) bar.removeAttribute("value");
  else bar.value = underway.share;
  box.querySelector("span").textContent = underway.text;
}

