// drawing_pad: the pad of pad.js, which stands before this file, as a control.

function render({ model, el }) {
  const pad = makePad(el, {
    label: model.get("description"),
    value: model.get("value"),
    drawing: (model.kdlabDrawing ??= newDrawing()),   // of all views, also of those to come
    change: (value) => { model.set("value", value); model.save_changes(); },
  });
  const follow = () => pad.set(model.get("value"));
  model.on("change:value", follow);
  return () => model.off("change:value", follow);
}
export default { render };
