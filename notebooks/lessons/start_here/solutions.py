"""Solutions of notebook 00: first answers, counted."""

from torch import Tensor


def share_right(logits: Tensor, labels: Tensor) -> Tensor:
    """The largest logit of each row is the answer; a mean of truths is a share."""
    return (logits.argmax(dim=1) == labels).double().mean()


def errors_by_class(logits: Tensor, labels: Tensor) -> Tensor:
    """Keep the labels of the images that were missed, and count each of them."""
    wrong = logits.argmax(dim=1) != labels
    return labels[wrong].bincount(minlength=logits.shape[1])
