// The thumbnails of this report. It comes in while it is already shown: what is not here yet is asked for again.

const awaited = new Map();

function showThumb(image, content) {
  const text = $("t" + content)?.textContent;
  if (text) {
    image.src = "data:image/jpeg;base64," + text;
    awaited.delete(image);
  } else if (document.readyState === "loading") {
    awaited.set(image, content);
  } else {
    image.closest(".picture")?.classList.add("missing");
    awaited.delete(image);
  }
}

function showAwaited() {
  for (const [image, content] of awaited) showThumb(image, content);
}
