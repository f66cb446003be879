// Before and after, one over the other, with a slider that says where the one ends. What was restored stays until there
// is something else, whatever becomes of further work.

const box = element.querySelector(".result");
const range = box.querySelector("input"), link = box.querySelector("a");
let shown = null;

const cut = () => box.style.setProperty("--cut", `${range.value}%`);
range.addEventListener("input", cut);

box.querySelector("button").addEventListener("click", () => {
  props.value = shown;
  trigger("go_on");
});

watch("value", () => {
  const value = props.value;
  showProgress(value?.underway);
  if (!value?.file) return;
  shown = value;
  box.hidden = false;
  box.querySelector(".before").src = value.before.url;
  box.querySelector(".after").src = value.after.url;
  box.querySelector(".note").textContent = value.message;
  link.href = value.file.url;
  link.download = value.file.orig_name;
  range.value = 50;
  cut();
  if (box.getBoundingClientRect().top > window.innerHeight - 200) box.scrollIntoView({ block: "end", behavior: "smooth" });
});
