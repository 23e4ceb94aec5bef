"""Few labels, many images, live: may somebody teach who knows no label more?"""

from collections.abc import Generator
from functools import partial

from kdlab.data import Columns, count, sample
from kdlab.experiments import student_steps
from kdlab.explorers.twins import ALONE, in_turns, twins_picture
from kdlab.panels import LivePanel, choice, explore_live
from kdlab.training import evaluate, predict

from .crowds import BATCH, CNN, MLP, epochs_of, new_net, teacher_steps

# {arm: (who teaches, T, peak)}, the latter two chosen on held-out images
ARMS = {"taught by a CNN": (CNN, 8.0, 2e-2), ALONE: (None, None, 1e-2)}
ARMS |= {"taught by an MLP": (MLP, 2.0, 2e-2)}


def few_explorer(train_set: Columns, test_set: Columns, *, seeds: int = 5) -> LivePanel:
    """MLPs on few labels, and taught of all images by an MLP or a CNN of the same few.

    Teachers are trained here, too; all students take equally many steps. `await
    panel.finished()` gives the errors of each arm, so far if it was stopped.
    """
    known: dict[tuple, int] = {}  # what students reached that are trained already
    every = count(train_set)

    def train(labels: int, arm: str, seed: int) -> Generator:
        name, temperature, peak = ARMS[arm]
        if (arm, labels, seed) not in known:
            images = sample(train_set, every, seed)
            own = {column: values[:labels] for column, values in images.items()}
            if name:
                net = yield from teacher_steps(name, own, 100 * (seed + 1))
                own = {**images, "teacher_logits": predict(net, images["images"])}
            how = {"method": "teacher" if name else "labels", "seed": seed}
            how |= {"temperature": temperature, "learning_rate": peak}
            how |= {"epochs": epochs_of(count(own)), "batch_size": BATCH}
            net = yield from student_steps(own, model=new_net("mlp-128", seed), **how)
            known[arm, labels, seed] = evaluate(net, test_set)["errors"]
        return known[arm, labels, seed]

    def trained(labels: int) -> Generator:
        said = f"{labels} images have a label, {every - labels:,} have none."
        draw = partial(twins_picture, count(test_set), seeds, said, widest=0.12)
        return in_turns(ARMS, seeds, partial(train, labels), partial(draw, who="A CNN"))

    counts = [n for n in (30, 100, 300, 1000) if n < every / 3] or [every]
    labels = choice("images with a label", counts, min(300, counts[-1]))
    return explore_live(trained, labels=labels)
