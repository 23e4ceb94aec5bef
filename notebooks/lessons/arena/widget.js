// The pocket in a notebook: the teacher answers from the kernel, for as long as there is one.

function render({ model, el }) {
  const kernel = model.get("layout");       // a model of ipywidgets: it knows whether there is a kernel
  let asked, done;
  const hear = (told) => { if (told.drawing === asked) done(told); };
  const ask = (drawing) => new Promise((resolve) => {
    [asked, done] = [drawing, resolve];
    model.send({ drawing });
  });
  const teacher = { bytes: model.get("teacher_bytes"), ask, gone: () => kernel.comm_live === false };
  model.on("msg:custom", hear);
  makePocket(el, { ...model.get("page"), teacher });
  return () => model.off("msg:custom", hear);
}
export default { render };
