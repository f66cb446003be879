// The surroundings of the holes: as they were, and as each method restores them.

function figure({ picture, title, time }) {
  const made = document.createElement("figure"), image = document.createElement("img");
  const caption = document.createElement("figcaption"), seconds = document.createElement("span");
  image.src = picture.url;
  image.alt = title;
  seconds.textContent = time;
  caption.append(title, seconds);
  made.append(image, caption);
  return made;
}

watch("value", () => {
  showProgress(props.value?.underway);
  element.querySelector(".grid").replaceChildren(...(props.value?.figures ?? []).map(figure));
});
