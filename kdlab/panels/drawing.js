// drawing_pad: the pad of pad.js, which stands before this file, as a control.

export default () => {
  const drawing = newDrawing();                     // of all views of a control, also of those to come
  return { render({ model, el }) {
    const change = (value) => { model.set("value", value); model.save_changes(); };
    const pad = makePad(el, { label: model.get("description"), value: model.get("value"), drawing, change });
    const follow = () => pad.set(model.get("value"));
    model.on("change:value", follow);
    return () => model.off("change:value", follow);
  } };
};
