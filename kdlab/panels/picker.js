// image_picker: thumbnails as a group of radio buttons.

const MOVES = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };

function render({ model, el }) {
  const names = model.get("names"), n = names.length, last = n - 1;
  el.classList.add("kdlab-picker");
  el.innerHTML = `<span aria-hidden="true"></span><div role="radiogroup"></div>`;
  const [label, group] = el.children;
  label.textContent = model.get("description");
  group.setAttribute("aria-label", model.get("description"));

  const choose = (i) => { model.set("value", i); model.save_changes(); };
  const radios = names.map((name, i) => {
    const radio = document.createElement("button");
    radio.setAttribute("role", "radio");
    radio.setAttribute("aria-label", name);
    radio.title = name;
    radio.dataset.lmSuppressShortcuts = "true";               // else JupyterLab takes the arrows
    radio.style.backgroundImage = `url(${model.get("addresses")[i]})`;
    radio.style.backgroundSize = "44px 44px";
    radio.onclick = () => choose(i);
    return radio;
  });
  group.append(...radios);

  group.onkeydown = (event) => {
    const at = model.get("value"), step = MOVES[event.key];
    const to = event.key === "Home" ? 0 : event.key === "End" ? last : step && (at + step + n) % n;
    if (to === undefined) return;
    event.preventDefault();
    choose(to);
    radios[to].focus();
  };
  const mark = () => radios.forEach((radio, i) => {
    radio.setAttribute("aria-checked", i === model.get("value"));
    radio.tabIndex = i === model.get("value") ? 0 : -1;       // Tab reaches the chosen one
  });
  mark();
  model.on("change:value", mark);
  return () => model.off("change:value", mark);
}
export default { render };
