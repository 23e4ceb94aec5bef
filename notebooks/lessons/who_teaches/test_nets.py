"""Teachers of a crowd, and nets that teach one another, do what is said of them."""

import torch
import torch.nn.functional as F
from torch.testing import assert_close

from kdlab.losses import soft_target_loss
from kdlab.metrics import entropy, soften
from kdlab.training import last_of

from . import (
    crowd_of,
    crowds,
    nets_of,
    taught_by_itself,
    together,
)
from .crowds import corrupted, epochs_of, new_net, teacher_steps
from .selves import Exits, Peers, self_steps
from .test_lesson import few_images

# --- crowds ----------------------------------------------------------------------------


def test_teachers_of_a_crowd_learn_the_same_images_and_differ(digits):
    own = few_images(digits[0])
    first, second = crowd_of(crowds.MLP, own, 2)
    logits = [net(own["images"] / 255) for net in (first, second)]
    for told in logits:
        assert (told.argmax(1) == own["labels"]).double().mean() > 0.95
    assert (logits[0] - logits[1]).abs().max() > 0.1
    again = last_of(teacher_steps(crowds.MLP, own, 100))
    assert_close(again(own["images"] / 255), logits[0])


def test_everybody_takes_about_as_many_steps():
    for images in (300, 2000, 10_000):
        steps = epochs_of(images) * -(-images // crowds.BATCH)
        assert abs(steps - crowds.STEPS) <= 10, images
    assert epochs_of(10**6) == 1


def test_the_rules_are_what_they_are_called():
    draw = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(4, 7, 5, generator=draw).double()
    labels = torch.tensor([0, 1, 2, 3, 4, 0, 1])
    for temperature in (1.0, 8.0):
        mean = soften(logits, temperature).mean(0).float()
        said = together(logits, "probabilities", temperature)
        assert_close(soften(said, temperature), mean)
    geometric = soften(logits, 2.0).log().mean(0).exp()
    geometric /= geometric.sum(1, keepdim=True)
    assert_close(soften(together(logits, "logits", 2.0), 2.0), geometric)
    votes = together(logits, "majority", 1.0)
    assert votes.sum(1).eq(4).all()
    assert votes[2, 3] == (logits[:, 2].argmax(1) == 3).sum()
    probs = soften(logits, 1.0)
    sure = 1 / (entropy(probs) + 1e-3)
    wanted = (sure[..., None] * probs).sum(0) / sure.sum(0)[:, None]
    assert_close(soften(together(logits, "surer", 1.0), 1.0), wanted.float())
    honest = 10.0 * F.one_hot(labels, 5).expand(4, -1, -1).double()
    told = together(corrupted(honest, 1), "by labels", 1.0, labels)
    assert_close(soften(told, 1.0), soften(honest[0], 1.0).float(), atol=1e-3, rtol=0)
    weighed = together(logits, "by labels", 1.0, labels)
    own = probs[:, torch.arange(7), labels]
    wanted = (own[..., None] * probs).sum(0) / own.sum(0)[:, None]
    assert_close(soften(weighed, 1.0), wanted.float())


def test_a_liar_has_every_class_in_the_place_of_another():
    logits = torch.randn(3, 6, 4)
    told = corrupted(logits, 1)
    assert_close(told[:2], logits[:2])
    assert_close(told[2], logits[2].roll(1, dims=1))
    assert (told[2].argmax(1) == (logits[2].argmax(1) + 1) % 4).all()
    assert corrupted(logits, 0) is logits


# --- nets that teach one another -----------------------------------------------------------


def test_a_pair_learns_what_the_formula_says_and_no_peer_is_moved():
    pair = nets_of("mlp-16 + mlp-16", seed=1)
    assert not torch.equal(pair[0][-1].weight, pair[1][-1].weight)
    batch = {"images": torch.rand(12, 1, 28, 28), "labels": torch.arange(12) % 10}
    terms = taught_by_itself([(0, 1), (1, 0)], 3.0, 2.0, 0.1)(pair, batch)
    z, v = (net(batch["images"]) for net in pair)
    smooth = {"label_smoothing": 0.1}
    hard = sum(F.cross_entropy(x, batch["labels"], **smooth) for x in (z, v))
    soft = soft_target_loss(z, v.detach(), 2.0) + soft_target_loss(v, z.detach(), 2.0)
    assert_close(terms, {"hard": hard, "soft": 3.0 * soft})
    alone = taught_by_itself([(0, 1)], 1.0, 1.0)(pair, batch)["soft"]
    alone.backward()
    assert pair[0][-1].weight.grad.abs().sum() > 0 and pair[1][-1].weight.grad is None
    assert [*taught_by_itself([], 1.0, 1.0)(pair, batch)] == ["hard"]


def test_images_without_a_label_are_heard_of_in_the_soft_term_alone():
    pair = nets_of("mlp-16 + mlp-16", seed=1)
    batch = {"images": torch.rand(12, 1, 28, 28), "labels": torch.arange(12) % 10}
    more = torch.randint(256, (50, 1, 28, 28)).byte()
    lessons = [(0, 1), (1, 0)]
    with_more = taught_by_itself(lessons, 1.0, 1.0, unlabelled=more)(pair, batch)
    without = taught_by_itself(lessons, 1.0, 1.0)(pair, batch)
    assert_close(with_more["hard"], without["hard"])
    assert (with_more["soft"] - without["soft"]).abs() > 1e-6
    none = taught_by_itself(lessons, 1.0, 1.0, unlabelled=more[:0])(pair, batch)
    assert_close(none, without)


def test_peers_answer_by_the_mean_of_their_probabilities():
    pair = nets_of("mlp-16 + cnn-2-4-8", seed=0)
    images = torch.rand(5, 1, 28, 28)
    assert isinstance(pair, Peers) and not isinstance(pair, Exits)
    mean = sum(soften(net(images), 1.0) for net in pair) / 2
    assert_close(soften(pair(images), 1.0), mean)


def test_exits_share_the_first_block_and_the_last_one_answers():
    net = nets_of("cnn-4-8-32 + exit", seed=0)
    images = torch.rand(5, 1, 28, 28)
    early, final = net.each(images)
    assert isinstance(net, Exits) and net[0][0] is net[1][0]
    assert_close(early, net[0](images))
    assert_close(final, net[1](images))
    assert_close(net(images), final)
    assert_close(final, new_net("cnn-4-8-32", 0)(images))
    early.sum().backward()
    assert net[1][1][-1].weight.grad is None  # an early answer moves no later layer


def test_a_pair_is_trained_as_its_setting_says(digits):
    columns = few_images(digits[0])
    setting = {"labels": 60, "seed": 0, "student": "mlp-16 + mlp-16", "epochs": 6}
    setting |= {"soft_weight": 1.0, "temperature": 1.0, "learning_rate": 1e-2}
    terms = {}
    for method in ("labels", "smoothing 0.1", "one another"):
        seen = []
        steps = self_steps(columns, {**setting, "method": method})
        net = last_of(steps, seen.append)
        assert len(net) == 2 and len(seen) == 6  # one batch of 60 an epoch
        terms[method] = seen[0][1]
    assert [*terms["one another"]] == ["hard", "soft"]
    assert terms["labels"]["hard"] == terms["one another"]["hard"]
    assert terms["labels"]["hard"] != terms["smoothing 0.1"]["hard"]
