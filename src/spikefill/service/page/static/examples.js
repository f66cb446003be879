// Buttons with the examples' pictures.

const row = element.querySelector(".row");
props.value.examples.forEach((example, index) => {
  const button = document.createElement("button"), picture = document.createElement("img");
  button.type = "button";
  picture.src = example.picture;
  picture.alt = "";
  button.append(picture, example.title);
  button.addEventListener("click", () => {
    if (!document.querySelector("#editor .editor").mayReplace()) return;
    props.value = { ...props.value, chosen: index };
    trigger("chosen");
  });
  row.append(button);
});
