"""With which settings of their own are the methods that ELR is compared with published for CIFAR?"""

from typing import Any

from earlylearn.recipes.hyperparameters import CIFAR10, CIFAR10_ASYMMETRIC, CIFAR100
from earlylearn.recipes.recipe import Options, Recipe, training


def _dividemix(name: str, noise: str, options: Options, **by_noise: Any) -> Recipe:
    """Li, Socher, Hoi, ICLR 2020: one recipe per value of lambda_u, which goes by the noise."""
    return Recipe(
        name=name,
        source=f"DivideMix, Li et al., ICLR 2020, Table 7, and its released code; {noise}. Departs: a tenth of the "
        "images is held out to pick the epoch (released: all train, test accuracy picks)",
        method="dividemix",
        data=name.partition("-")[0],
        # 128: a step takes half of them from what counts as labelled, half from the rest; published as 64 + 64.
        settings=training("preact-resnet18", 300, "multistep:150:0.1", weight_decay=5e-4),
        options={**options, "dividemix": {**options["dividemix"], **by_noise}},
    )


def _co_teaching(name: str, options: Options) -> Recipe:
    """What co-teaching and co-teaching+ published of it can be run here: see the source."""
    return Recipe(
        name=name,
        source="co-teaching, Han et al., NeurIPS 2018, and (method co-teaching+) Yu et al., ICML 2019, released "
        "code: 200 epochs, batch 128, num_gradual, initial. Departs, as re-runs that others quote do: PreActResNet-18 "
        "for small networks of their own; here also SGD and schedule of supplement Table G.2 for Adam with linear "
        "decay, crops and flips for none; and forget_rate is estimated (theirs: the true noise rate, forget_rate=R)",
        method="co-teaching",
        data=name.partition("-")[0],
        settings=training("preact-resnet18", 200, "multistep:150:0.1", weight_decay=5e-4),
        options=options,
    )


def _sop(name: str, where: str, epochs: int, schedule: str, options: Options, rates: str, **by_noise: Any) -> Recipe:
    """Liu, Zhu, Qu, You, ICML 2022, its plain form on ResNet-34; SOP+ is not here. ``rates`` says whose they are."""
    return Recipe(
        name=name,
        source=f"SOP, Liu et al., ICML 2022: learning rates of u and v {rates}, training as reproduced by Hudovernik "
        f"et al., ReScience C 2026, {where}. Departs: a tenth of the images is held out (released: all train)",
        method="sop",
        data=name.partition("-")[0],
        settings=training("resnet34", epochs, schedule, weight_decay=5e-4),
        options={**options, "sop": {**options["sop"], **by_noise}},
    )


_SOP10 = ("on CIFAR-10", 120, "multistep:40,80:0.1")
_SOP100 = ("there for CIFAR-10; 150 epochs, dropping where supplement G.3 drops", 150, "multistep:80,120:0.1")

# symNN: symmetric noise of NN %, the true label included, as DivideMix counts it (noise symmetric:0.NN).
PEERS = [
    _dividemix(
        "cifar10-dividemix-sym20", "symmetric noise of 20 %; re-runs on human label noise", CIFAR10, lambda_u=0.0
    ),
    _dividemix("cifar10-dividemix-sym50", "symmetric noise of 50 and 80 %", CIFAR10, lambda_u=25.0),
    _dividemix(
        "cifar10-dividemix-sym90", "symmetric noise of 90 %", CIFAR10, lambda_u=50.0, p_threshold=0.6, history=5
    ),
    _dividemix("cifar10-dividemix-asymmetric", "asymmetric noise of 40 %", CIFAR10_ASYMMETRIC),
    _dividemix("cifar100-dividemix-sym20", "symmetric noise of 20 %", CIFAR100, lambda_u=25.0),
    _dividemix("cifar100-dividemix-sym50", "symmetric noise of 50 and 80 %", CIFAR100, lambda_u=150.0),
    _dividemix(
        "cifar100-dividemix-sym90", "symmetric noise of 90 %", CIFAR100, lambda_u=150.0, p_threshold=0.6, history=5
    ),
    _dividemix(
        "cifar100-dividemix-asymmetric",
        "asymmetric noise of 40 %, not in that paper: lambda_u as the authors of C2D found it",
        CIFAR100,
        lambda_u=150.0,
        confidence_penalty=1.0,
    ),
    _co_teaching("cifar10-co-teaching", CIFAR10),
    _co_teaching("cifar100-co-teaching", CIFAR100),
    _sop("cifar10-sop", *_SOP10, CIFAR10, "as reproduced"),
    _sop("cifar10-sop-asymmetric", *_SOP10, CIFAR10_ASYMMETRIC, "as released for CIFAR-100"),
    _sop("cifar100-sop", *_SOP100, CIFAR100, "as released"),
    _sop("cifar100-sop-asymmetric", *_SOP100, CIFAR100, "as released", lr_u=0.1, lr_v=100.0),
]
