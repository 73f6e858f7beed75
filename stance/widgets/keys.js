// A field that hands each key on and stays empty. JupyterLab's own shortcuts must not fire in it (d d deletes a cell).
function render({ model, el }) {
  el.setAttribute("data-lm-suppress-shortcuts", "true");
  const field = document.createElement("input");
  field.className = "stance-keys";
  field.type = "text";
  field.autocomplete = "off";
  const name = () => {
    field.placeholder = model.get("hint");
    field.setAttribute("aria-label", model.get("hint"));
  };
  name();
  field.style.cssText = "width:26em;max-width:95%;padding:4px 8px;font-size:14px";
  field.addEventListener("keydown", (event) => {
    if (event.key === "Tab" || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat) model.send({ key: event.key });
  });
  model.on("change:hint", name);
  el.append(field);
  // The coder's hands stay on the keys: the field takes the focus when it first shows, and never takes it back.
  setTimeout(() => field.focus({ preventScroll: true }), 0);
}
export default { render };
