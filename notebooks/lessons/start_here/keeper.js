// Buttons under the map of the course: download the file of one's progress, restore it,
// begin anew. The kernel holds the file (progress.py); here it is only asked.

function button(text, act) {
  const node = document.createElement("button");
  Object.assign(node, { type: "button", textContent: text, className: "jupyter-button" });
  node.dataset.lmSuppressShortcuts = "true"; // JupyterLab takes Enter and Space else
  node.addEventListener("click", act);
  return node;
}

function save(text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = "progress.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

function render({ model, el }) {
  const said = document.createElement("p");
  said.setAttribute("role", "status");
  const say = (text) => { said.textContent = text; };
  const ask = (what) => { say("Waiting for the kernel."); model.send(what); };

  const file = document.createElement("input");
  Object.assign(file, { type: "file", accept: ".json,application/json", hidden: true });
  file.addEventListener("change", async () => {
    if (file.files.length) ask({ restore: await file.files[0].text() });
    file.value = ""; // so that the same file may be chosen again
  });

  const anew = button("Begin anew", () => {
    if (anew.dataset.sure) ask({ anew: true });
    anew.dataset.sure = anew.dataset.sure ? "" : "yes";
    anew.textContent = anew.dataset.sure ? "Press again to begin anew" : "Begin anew";
  });
  anew.addEventListener("blur", () => {
    anew.dataset.sure = "";
    anew.textContent = "Begin anew";
  });

  const download = button("Download progress.json", () => ask({ wanted: true }));
  const restore = button("Restore from a file", () => file.click());
  el.classList.add("kdlab-exercise");
  el.append(download, " ", restore, " ", anew, file, said);

  const hear = (message) => {
    if (message.file) save(message.file);
    say(message.said ?? "Downloaded.");
  };
  model.on("msg:custom", hear);
  return () => model.off("msg:custom", hear);
}

export default { render };
