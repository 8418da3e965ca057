"""Which hyperparameters did each method's authors publish for CIFAR-10 and CIFAR-100?

They go with every recipe of their data set, so that a comparison of methods under one recipe's training settings gives
each method its own. What depends on the noise rate is not here but in recipes of its own (DivideMix's lambda_u), or
estimated (co-teaching's forget_rate).
"""

from earlylearn.recipes.recipe import Options

# Of supplement F; the 40,000 steps there are those of gamma's ramp, and on CIFAR-100 of lambda's too.
_ELR_PLUS = {"alpha": 1.0, "gamma": 0.997, "gamma_ramp": 40_000}

_EITHER: Options = {
    "bootstrap": {"hard": False, "label_weight": 0.95},
    "gce": {"q": 0.7},
    "mixup": {"alpha": 1.0},
    "label-smoothing": {"smoothing": 0.1},
    "co-teaching": {"num_gradual": 10},
}
_DIVIDEMIX = {"p_threshold": 0.5, "ramp": 16, "temperature": 0.5, "alpha": 4.0, "prior_weight": 1.0}

CIFAR10: Options = {
    **_EITHER,
    "elr": {"lam": 3, "beta": 0.7},
    "elr+": {"lam": 3, "beta": 0.7, **_ELR_PLUS},
    "forward": {"percentile": 97.0},
    "sce": {"alpha": 0.1, "beta": 1.0, "log_zero": -4.0},
    "co-teaching+": {"num_gradual": 10, "initial": 20},
    "dividemix": {"warmup": 10, **_DIVIDEMIX},
    "sop": {"lr_u": 10.0, "lr_v": 10.0},
}
CIFAR10_ASYMMETRIC: Options = {
    **CIFAR10,
    "elr": {"lam": 1, "beta": 0.9},
    "elr+": {"lam": 1, "beta": 0.9, **_ELR_PLUS},
    "dividemix": {**CIFAR10["dividemix"], "lambda_u": 0.0, "confidence_penalty": 1.0},
    "sop": {"lr_u": 0.1, "lr_v": 100.0},
}
CIFAR100: Options = {
    **_EITHER,
    "elr": {"lam": 7, "beta": 0.9},
    "elr+": {"lam": 7, "beta": 0.9, **_ELR_PLUS, "lam_ramp": 40_000, "update_labels": True},
    "sce": {"alpha": 6.0, "beta": 0.1, "log_zero": -4.0},
    "co-teaching+": {"num_gradual": 10, "initial": 5},
    "dividemix": {"warmup": 30, **_DIVIDEMIX},
    "sop": {"lr_u": 1.0, "lr_v": 10.0},
}
