// What a student answers: a prediction, the result beside it, a quiz (see exercises.py).
// Everything is answered here, so that it works while the kernel computes and on a page
// without a kernel; the traits only keep what was answered. Nothing is ever innerHTML.

function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

// Plain text in which `code` stands between backticks.
const marked = (text) =>
  text.split("`").map((part, i) => (i % 2 ? make("code", { textContent: part }) : part));

// JupyterLab takes the keys (arrows, Enter, Space) of what has the focus, unless this is set.
function keepKeys(node) {
  node.dataset.lmSuppressShortcuts = "true";
  return node;
}

const button = (text, type = "button") =>
  keepKeys(make("button", { type, textContent: text, className: "jupyter-button" }));

// A question as a form: arrows choose, Enter (or the button) submits, and the browser itself
// asks for a choice when none is made. Each option has room for a feedback below it.
function choiceForm(question, options, action) {
  const rows = options.map((text) => {
    const input = keepKeys(make("input", { type: "radio", name: "choice", required: true }));
    const feedback = make("p", { className: "feedback", role: "status" });
    const label = make("label", {}, input, make("span", {}, ...marked(text)));
    return { input, feedback, node: make("div", { className: "option" }, label, feedback) };
  });
  const submit = button(action, "submit");
  const legend = make("legend", {}, ...marked(question));
  const fieldset = make("fieldset", {}, legend, ...rows.map((row) => row.node));
  const node = make("form", {}, fieldset, submit);
  const chosen = () => rows.findIndex((row) => row.input.checked);
  return { node, rows, submit, chosen };
}

function onSubmit(form, act) {
  form.node.addEventListener("submit", (event) => {
    event.preventDefault();
    act();
  });
}

function keep(model, trait, value) {
  model.set(trait, value);
  model.save_changes();
  model.send({ answered: [trait, value] }); // heard while a cell awaits, unlike a state
}

function listen(model, event, act) {
  model.on(event, act);
  return () => model.off(event, act);
}

// --- a prediction: choose, commit; locked until the student wants to change it ------------
function renderPrediction({ model, el }) {
  const choices = model.get("choices");
  const form = choiceForm(model.get("question"), choices, "Commit");
  const note = make("p", { className: "note", role: "status" });
  let changing = false;
  el.append(make("p", { className: "kicker", textContent: "Predict first" }), form.node);
  form.node.append(note);

  function update() {
    const made = model.get("committed");
    const locked = made.length > 0 && !changing;
    if (locked) form.rows[made.at(-1)].input.checked = true;
    if (locked && form.node.contains(document.activeElement)) form.submit.focus();
    for (const row of form.rows) row.input.disabled = locked;
    form.submit.textContent = locked ? "Change my mind" : "Commit";
    note.replaceChildren();
    if (locked && made.length > 1)
      note.append("Changed. At first you predicted: ", ...marked(choices[made[0]]));
    else if (locked) note.append("Committed. The result will show it.");
    else if (changing) note.append("Choose again. Your first prediction stays on record.");
  }

  onSubmit(form, () => {
    const made = model.get("committed");
    changing = made.length > 0 && !changing;
    if (!changing && form.chosen() !== made.at(-1))
      keep(model, "committed", [...made, form.chosen()]);
    update();
  });
  update();
  return listen(model, "change:committed", update);
}

// --- a result: folded until there is a prediction, or until the student asks ---------------
async function renderResult({ model, el }) {
  const reference = model.get("prediction").replace("IPY_MODEL_", "");
  const prediction = await model.widget_manager.get_model(reference);
  const choices = prediction.get("choices"), answer = model.get("answer");
  const open = button("Show it without a prediction");
  const invitation = make("div", { className: "invitation" },
    make("p", {}, "Predict first, then look: ", ...marked(prediction.get("question"))), open);
  const shown = keepKeys(make("div", { className: "shown", tabIndex: -1 }));
  shown.setAttribute("aria-live", "polite");
  el.append(make("p", { className: "kicker", textContent: "Result" }), invitation, shown);

  const line = (name, ...texts) => make("p", {}, make("b", { textContent: name }), ...texts);
  function update() {
    const made = prediction.get("committed"), last = made.at(-1);
    const visible = made.length > 0 || model.get("opened");
    invitation.hidden = visible;
    shown.replaceChildren();
    if (!visible) return;
    const measured = model.get("measured"), explanation = model.get("explanation");
    const changed = made.length > 1 ? [" (at first: ", ...marked(choices[made[0]]), ")"] : [];
    shown.append(made.length
      ? line("You predicted: ", ...marked(choices[last]), ...changed)
      : line("No prediction was made. ", "You can still make one above."));
    shown.append(line("Found: ", ...marked(choices[answer] + (measured && ` (${measured})`))));
    const agrees = last === answer;
    const verdict = agrees ? "✓ Your prediction agrees." : "✗ Your prediction differs: why?";
    const className = agrees ? "feedback right" : "feedback wrong";
    if (made.length) shown.append(make("p", { className, textContent: verdict }));
    if (explanation) shown.append(make("p", {}, ...marked(explanation)));
  }

  open.addEventListener("click", () => {
    keep(model, "opened", true);
    shown.focus(); // the button is gone: the keyboard goes on from here
  });
  const undo = [
    listen(prediction, "change:committed", update),
    listen(model, "change:opened", update),
  ];
  update();
  return () => undo.forEach((stop) => stop());
}

// --- a quiz: every option may be tried, and answers with its own feedback -------------------
function renderQuiz({ model, el }) {
  const questions = model.get("questions");
  const forms = questions.map(({ text, options }, n) =>
    choiceForm(`${n + 1}. ${text}`, options.map((option) => option.text), "Check"));
  const score = make("p", { className: "score", role: "status" });
  const again = button("Start again");
  el.append(make("p", { className: "kicker", textContent: "Quiz" }));
  el.append(...forms.map((form) => form.node), score, again);

  function update() {
    const tried = model.get("tried");
    forms.forEach((form, n) => form.rows.forEach((row, i) => {
      const option = questions[n].options[i], isTried = tried[n].includes(i);
      const words = option.right ? "✓ Right. " : "✗ Not this one. ";
      const wanted = isTried ? words + option.feedback : "";
      row.feedback.classList.toggle("right", isTried && option.right);
      row.feedback.classList.toggle("wrong", isTried && !option.right);
      if (row.feedback.textContent !== wanted.replaceAll("`", ""))
        row.feedback.replaceChildren(...marked(wanted)); // unchanged text is not read again
    }));
    const isRight = (n) => (i) => questions[n].options[i].right;
    const solved = tried.filter((tries, n) => tries.some(isRight(n))).length;
    const first = tried.filter((tries, n) => tries.slice(0, 1).some(isRight(n))).length;
    score.textContent = solved < questions.length
      ? `${solved} of ${questions.length} solved, ${first} at the first try.`
      : `All solved, ${first} of ${questions.length} at the first try.`;
  }

  forms.forEach((form, n) => onSubmit(form, () => {
    const tried = model.get("tried"), i = form.chosen();
    if (tried[n].includes(i)) return;
    keep(model, "tried", tried.map((tries, m) => (m === n ? [...tries, i] : tries)));
  }));
  again.addEventListener("click", () => {
    keep(model, "tried", questions.map(() => []));
    for (const form of forms) form.node.reset();
    forms[0].rows[0].input.focus();
  });
  update();
  return listen(model, "change:tried", update);
}

const views = { prediction: renderPrediction, result: renderResult, quiz: renderQuiz };

export default {
  render(context) {
    context.el.classList.add("kdlab-exercise");
    return views[context.model.get("kind")](context);
  },
};
