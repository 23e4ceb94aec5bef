"""Nothing that is read before a prediction tells its answer.

Read in order: the README's table, then each notebook's cells, each with the words that
it shows (a question with its choices, a result, a quiz with all its feedback).
"""

import re

import nbformat
import pytest

import claims
from kdlab.exercises import load_words

TELLS = {  # what would tell the answer of a prediction
    "01 hesitates": "little more than a label|bars cannot be seen|is so sure that",
    "01 halfway": "trained to name one digit|(in|within) a (short|quarter)"
    "|is no scale|changes its mind once",
    "01 mixture": "(tells?|says?|teach(es)?) nothing about|the same for (both|every)",
    "02 order": "changes no (first|top|prediction|class|answer)|changing its first"
    "|(first|top) (answer|class) (stays|is the same)"
    "|keeps? the(ir)? order|not the answers",
    "02 loudness": "balances (only|once)|when it (balances|does not)|no cosmetics"
    "|makes the teacher louder",
    "02 limit": r"logit.match|match\w* the teacher's \W*logits|what remains",
    "02 chosen": "surer than|too sure|softer is better",
    "03 unseen": r"recognises a digit it never|teach a digit that was never"
    r"|recognise\s+digits\s+never|never saw a 3 and recognises",
    "03 biased": "control finds much|nine by ten",
    "03 means": "half of the gain|half is softening|class means.{0,40} no more",
    "03 wrong": "false names leave|everything that helps is knowledge",
    "04 uniform": "teacher is label smoothing|makes that .{0,9}label smoothing"
    r"|that is\s+label smoothing|need not be knowledge",
    "04 louder": "louder at T = 8|drowns the labels|times as hard, mean",
    "04 direction": "more the label's way|nearly the same way|cold one's leans"
    "|nearly as a label does",
    "04 tuned": "about 200 of|worth as much to the labels|needs a higher rate",
    "05 ends": "third of the errors|fifth of its errors|gain shrinks",
    "05 tiny": "narrow students want|too small.{0,3} for a hot|lower temperature",
    "05 lesser": "more accurate teacher|accurate teachers",
    "05 same": r"teacher of the\s+same images|nothing but these 2,000",
    "05 control": r"regularise\s+directly|control is sobering|needs no teacher for it",
    "06 kept": "a third of that|hardly more than label smoothing"
    "|differ less from picture to picture|come together",
    "06 crop": "consistency pays|hardly differs from its picture",
    "06 left": "most of the gain is the pictures|worth more than the softness",
    "06 mixer": "takes nothing|makes nothing of its teacher's answers",
    "07 faster": "sparsity is not speed|nobody told the engine|and no net faster",
    "07 even": "torch has no sparse convolution|in no order that a processor likes",
    "07 told": "former self is the better teacher|carries more of that"
    "|best on what it said",
    "07 scratch": "were worth was mostly|little is left of that|little with all 60,000",
    "08 fewest": "Eight bits cost nothing|four next to nothing",
    "08 rescued": "what rounding had cost is gone|gives? back what 2 bits had cost",
    "08 narrow": "by the widths, hidden|pays most in wide layers"
    "|square of a layer's width|narrower nets are slower",
    "09 place": "distillation belongs last|who speaks last|keep what it gave",
    "09 scratch": "cannot tell from luck|ties with a small net|needs no pruning to get",
    "09 heir": "a third better than the best|no better technique|has room to spare",
    "09 scale": "times the logits|changes few answers|all certainties",
    "10 turned": r"free to arrange its units|turned map of\s+a town",
    "10 layer": "where counts for more|one step (before|from) the answer",
    "10 untrained": "free to choose|knows nothing (costs|spares)",
    "10 pixels": "not just any metric|ink in the place",
    "10 few": r"enough to\s+name the heaps|before you rejoice",
    "10 crowd": "fooled, and no copy|one face of the crowd|sees a crowd",
    "11 crowd": "still not better than on labels|eight larger mlps, a twin",
    "11 kind": "same images do teach|but they see otherwise",
    "11 vote": "worth exactly nothing|majority is the label, on",
    "11 liar": "quarter of the say|have no lower end|firm no of one",
    "11 few": r"no more labels, but|look at the same\s+images",
    "11 twins": "of a kind have nothing to tell|no better for it",
    "11 strangers": "flows downhill|the CNN (pays|is told)",
    "12 order": "too quiet\\s+beside the labels|still pull the student towards",
    "12 silent": "hardly (matters to|minds a factor)|divides by the size",
    "12 smooth": "softer by training|had softened already|only at T = 1",
    "12 gap": r"tell\s+no\s+difference|gap was a temperature|no gap that twenty",
    "12 linear": "as a larger λ would|labels that count against themselves",
    "12 lying": "a negative weight could take|weight above 1 harms|no negative weight",
    "13 bias": "was trained with travels|knows of no\\s+movement",
    "13 kin": "better teacher taught worse",
    "13 sense": "not the better sense|there for the student\\s+to see",
    "13 pairs": "worth most in between|in the end. With 100",
    "13 dense": "2,000 digits a null|still no better than the labels",
    "13 fools": "learns the four others|server\\s+learns the fools",
    "13 surer": "joined answers are less open|hear who is sure",
}


def shown(source, words):
    """The texts of the lesson that a cell shows."""
    for name, said in words["predict"].items():
        if f'.predict("{name}")' in source:
            yield from (said["question"], *said["choices"])
        if f"{name}.reveal(" in source:
            yield from (said["measured"], said["explanation"])
    for question in words["question"] if "lesson.quiz()" in source else ():
        yield question["text"]
        for option in question["options"]:
            yield from (option["text"], option["feedback"])


def story():
    """[(number of the notebook, source of a cell, all that is read there)]."""
    readme = (claims.NOTEBOOKS.parent / "README.md").read_text(encoding="utf-8")
    read = [("", "", readme)]
    for path in claims.ALL:
        words = load_words(claims.home_of(path) / "words.toml")
        for cell in nbformat.read(path, as_version=4).cells:
            text = "\n".join([cell.source, *shown(cell.source, words)])
            read.append((path.stem[:2], cell.source, text))
    return read


@pytest.mark.parametrize("which", TELLS)
def test_nothing_tells_the_answer_before_it_is_guessed(which):
    (number, name), read = which.split(), story()
    pattern = re.compile(TELLS[which], re.IGNORECASE)
    (asked,) = (
        place
        for place, (of, source, _) in enumerate(read)
        if of == number and f'.predict("{name}")' in source
    )
    told = [place for place, (*_, text) in enumerate(read) if pattern.search(text)]
    assert told, f"{pattern.pattern} occurs nowhere: it would find no spoiler"
    assert min(told) >= asked, (
        f"{which}: told by {pattern.search(read[min(told)][2])[0]!r} in\n"
        f"{read[min(told)][2][:400]}"
    )
