"""Few labels, many images, live: may somebody teach who knows no label more?"""

from collections.abc import Generator
from functools import partial

from kdlab.data import Columns, count, sample
from kdlab.experiments import student_steps
from kdlab.explorers.twins import ALONE, in_turns, twins_picture
from kdlab.panels import LivePanel, choice, dropdown, explore_live
from kdlab.training import evaluate, predict

from .crowds import BATCH, CNN, MLP, epochs_of, new_net, seed_of, teacher_steps

SOFT, VOTE = "all of its answer", "its first answer alone"
# {arm: (who teaches, T, peak)}; chosen on held-out images
ARMS = {"taught by a CNN": (CNN, 8.0, 2e-2), ALONE: (None, None, 1e-2)}
ARMS |= {"taught by an MLP": (MLP, 2.0, 2e-2)}


def few_explorer(train_set: Columns, test_set: Columns, *, seeds: int = 5) -> LivePanel:
    """MLPs on few labels, and taught by an MLP or a CNN of the same few; five seeds.

    Teachers are trained here, too. Who is taught is told of every image, also of those
    without a label; all take equally many steps. `await panel.finished()` gives the
    errors of each arm, seed by seed, so far if it was stopped.
    """
    known: dict[tuple, object] = {}  # what was trained already
    every = count(train_set)

    def trained(labels: int, told: str) -> Generator:
        def train(arm: str, seed: int) -> Generator:
            name, temperature, peak = ARMS[arm]
            images = sample(train_set, every, seed)
            own = {column: values[:labels] for column, values in images.items()}
            if name and (name, labels, seed) not in known:
                net = yield from teacher_steps(name, own, seed_of(seed, 0))
                known[name, labels, seed] = predict(net, images["images"])
            key = arm, labels, seed, name and told
            if key not in known:
                if name:
                    own = {**images, "teacher_logits": known[name, labels, seed]}
                how = {"method": "teacher" if name else "labels", "seed": seed}
                how |= {"temperature": temperature, "learning_rate": peak}
                if name and told == VOTE:
                    how |= {"method": "arg max", "learning_rate": 1e-2}
                how |= {"epochs": epochs_of(count(own)), "batch_size": BATCH}
                net = new_net("mlp-128", seed)
                net = yield from student_steps(own, model=net, **how)
                known[key] = evaluate(net, test_set)["errors"]
            return known[key]

        said = f"{labels} images have a label, {every - labels:,} have none. Each "
        said += f"teacher has learnt the {labels}, and tells {told}."
        draw = partial(twins_picture, count(test_set), seeds, said)
        return in_turns(ARMS, seeds, train, partial(draw, who="A CNN", widest=0.12))

    counts = [n for n in (30, 100, 300, 1000) if n < every / 3] or [every]
    labels = choice("images with a label", counts, min(300, counts[-1]))
    return explore_live(trained, labels=labels, told=dropdown("told", [SOFT, VOTE]))
