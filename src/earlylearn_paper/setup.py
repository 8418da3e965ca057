"""With which settings does a network show early learning and memorisation, small and at the paper's size?"""

from typing import Any

from earlylearn_paper.experiment import Scale

# Augmentation off and a learning rate that never drops: with those of supplement G.3, cross-entropy memorises little
# in 120 epochs (Figure 1 shows both), while the paper's curves run to .87 and show no steps at its drops.
QUICK: dict[str, Any] = {
    "data": "digits",
    "noise": "symmetric:0.4",
    "recipe": "small-data",
    "network": "small-cnn",
    "augment": "none",
    "schedule": "constant",
    "epochs": 40,
    "seeds": 3,
    "test_every": 0,
}
FULL: dict[str, Any] = {
    "data": "cifar10",
    "noise": "symmetric:0.4",
    "recipe": "cifar10-elr",
    "augment": "none",
    "schedule": "constant",
    "epochs": 120,
    "seeds": 1,
    "test_every": 0,
}

# The paper's plain runs with a network that two processor cores can train: its batches, rate, momentum, weight decay,
# lambda and beta, no augmentation, a rate that never falls. It memorises sooner than ResNet-34: ten epochs show it.
MEDIUM_PLAIN: dict[str, Any] = {
    "data": "cifar10",
    "noise": "symmetric:0.4",
    "recipe": "cifar10-elr",
    "network": "whitened-cnn",
    "augment": "none",
    "schedule": "constant",
    "epochs": 10,
    "seeds": 1,
    "test_every": 1,
}
# How it is trained to be accurate: crops, flips, a rate that rises and falls. Half as long as the recipe.
MEDIUM_FAST: dict[str, Any] = {"recipe": "cifar10-fast", "epochs": 20, "seeds": 1, "test_every": 1}
MEDIUM_FAST_40: dict[str, Any] = {"data": "cifar10", "noise": "symmetric:0.4", **MEDIUM_FAST}
# A linear model on what a frozen network makes of each image; in 45,000 examples it can memorise little.
FEATURES: dict[str, Any] = {
    "data": "cifar10",
    "encoder": "efficientnet-lite0",
    "recipe": "embeddings",
    "batch_size": 512,
    "lr": 0.02,
    "seeds": 4,
    "test_every": 1,
}
FEATURES_40: dict[str, Any] = {**FEATURES, "noise": "symmetric:0.4"}

MEDIUM_NETWORK = (
    "CIFAR itself, its noise, 45,000 / 5,000 / 10,000 images and picking by noisy validation labels as in the paper; a "
    "small wide CNN (whitened-cnn, 2.0 million weights) stands in for ResNet-34"
)
MEDIUM_SHORT = "10 epochs instead of 120; batches of 128, rate .02, weight decay 1e-3, lambda and beta are the paper's"
MEDIUM_SEED = "one seed: no spread, and so no number is called in or out of agreement with the paper's"
MEDIUM_FAST_TRAINING = (
    "20 epochs in batches of 512 with a rate that rises to .25 and falls to 0 (half of the recipe cifar10-fast), "
    "instead of 120 epochs in batches of 128 with drops"
)
FEATURES_NETWORK = (
    "CIFAR itself, its noise, 45,000 / 5,000 / 10,000 images and picking by noisy validation labels as in the paper; "
    "but this is a linear model on pretrained features: each image becomes 1,280 numbers once (EfficientNet-Lite0, "
    "trained on ImageNet's clean labels, at 128 pixels), and a linear layer is all that trains"
)
FEATURES_TRAINING = (
    "20 epochs in batches of 512, rate .02 falling along a cosine, the same for all methods; four seeds for five"
)
SMALL_DATA = "scikit-learn's digits (1,437 images of 8 x 8) stand in for CIFAR-10, a small CNN for ResNet-34"
SMALL_LAM = "ELR's lambda is 5, the recipe small-data's, not 3"
QUICK_TRAINING = "40 epochs in batches of 64, three seeds, instead of 120 epochs in batches of 128"
LINEAR_SETUP = (
    "the paper gives no step size, start or length for the linear model: 0.1, near zero and 10,000 steps here"
)

PLAIN_TRAINING = (
    "trained without augmentation and at a constant learning rate, not as in supplement G.3: the paper does not say "
    "so, but its curves show no drops, and cross-entropy memorises as much as there only without augmentation"
)

HONEST_NOISE = (
    "asymmetric noise is drawn from the original labels and within the true superclasses; the published numbers are of "
    "the released code, which flips class after class (CIFAR-10: 18.35 % wrong at 40 %) within blocks of five ids"
)

PROCESSOR = "2 processor cores"
MEDIUM_MINUTES = 17.0  # a run of 20 epochs on both cores, from those of 40 (docs/LOG.md)
FEATURE_MINUTES = 0.5  # a run
GPU = "one H200-class GPU"
# ResNet-34, 120 epochs: 37.6 PFLOP and a tenth more for evaluation. An eager loop at batch 128 reaches perhaps 15 to
# 20 % of the 790 TFLOP/s there are. An estimate: not yet run.
GPU_MINUTES = 6.0


def on_features(settings: dict[str, Any], *, runs: float, replaced: tuple[str, ...] = ()) -> Scale:
    """The scale of linear models on frozen features: so many runs, and what else stands in for the paper's set-up."""
    return Scale(
        settings=settings,
        minutes=runs * FEATURE_MINUTES,
        hardware=PROCESSOR,
        replaced=(FEATURES_NETWORK, FEATURES_TRAINING, *replaced),
    )


def from_scratch(settings: dict[str, Any], *, runs: float, replaced: tuple[str, ...]) -> Scale:
    """The scale of a fast network from scratch on a processor: so many runs of 20 epochs, and what it replaces."""
    return Scale(settings=settings, minutes=runs * MEDIUM_MINUTES, hardware=PROCESSOR, replaced=replaced)
