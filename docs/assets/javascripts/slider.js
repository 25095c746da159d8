// A slider over the stops of a drawing, which shows one of them and its text.
for (const slider of document.querySelectorAll(".gb-slider")) {
  const input = slider.querySelector("input");
  if (!input) continue;
  const show = () => {
    for (const part of slider.querySelectorAll("[data-stop]")) {
      part.toggleAttribute("hidden", part.dataset.stop !== input.value);
      if (part.dataset.label && !part.hidden) input.setAttribute("aria-valuetext", part.dataset.label);
    }
  };
  input.addEventListener("input", show);
  show(); // a browser may restore the slider's position
}
