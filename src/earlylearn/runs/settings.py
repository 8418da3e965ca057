"""Which settings does a run have beside its data: type, range, default and meaning of each?"""

from typing import Annotated, Any, Literal

from earlylearn.data.request import DataSettings, Setting, Split

ClassWeights = Annotated[Literal["balanced"] | tuple[float, ...], Split()]

# A field with no default is spelled out by `earlylearn.runs.config.resolve`: the recipe, the data or `DEFAULTS` decide.


class TrainingSettings:
    """What is trained, and how; without a recipe that says otherwise, the settings of supplement G.3.

    ``options`` are the method's hyperparameters.
    """

    method: Annotated[
        str, Setting("training method (default auto on features, elr on pixels), or FILE.py:CLASS", "NAME")
    ]
    options: Annotated[
        dict[str, Any], Setting("hyperparameter of the method, see earlylearn methods; repeatable", "NAME=VALUE")
    ] = {}
    recipe: Annotated[str | None, Setting("published settings, see earlylearn recipes", "NAME")] = None
    noise: Annotated[
        str | None,
        Setting("make labels wrong on purpose, e.g. symmetric:0.4; see earlylearn noise", "KIND:RATE", path=True),
    ] = None
    seed: Annotated[int, Setting("seed of split, noise, order, weights ... (default 0)", "INT", ge=0, lt=2**32)]
    encoder: Annotated[
        str | None,
        Setting("features of pictures or texts: efficientnet-lite0, timm:NAME, sentence:PATH, tfidf, none", "NAME"),
    ] = None
    network: Annotated[str, Setting("linear, mlp, small-cnn, resnet34, timm:NAME, ...", "NAME")]
    epochs: Annotated[int, Setting("length of the run", "INT", ge=1)]
    batch_size: Annotated[int, Setting("examples per step", "INT", ge=2)]
    optimizer: Annotated[str, Setting("sgd (default), adamw, or FILE.py:NAME", "NAME")] = "sgd"
    lr: Annotated[float, Setting("initial learning rate", "FLOAT", gt=0)]
    momentum: Annotated[float, Setting("SGD momentum", "FLOAT", ge=0, lt=1)]
    weight_decay: Annotated[float, Setting("how strongly weights are pulled to 0", "FLOAT", ge=0)]
    layer_decay: Annotated[
        float | None,
        Setting("learning rate of a layer over that of the next, of timm: networks (0.65 to 0.9)", "FLOAT", gt=0, le=1),
    ] = None
    schedule: Annotated[
        str,
        Setting(
            "of the learning rate: constant, cosine, one-cycle, multistep:40,80:0.01 (times .01 at these epochs), "
            "cosine:10:0.001 (down to .001, again every 10 epochs), or FILE.py:NAME",
            "SPEC",
        ),
    ]
    lr_warmup: Annotated[int, Setting("epochs over which the learning rate rises first (default 0)", "INT", ge=0)] = 0
    augment: Annotated[str, Setting("vary pictures at random: none, crop, crop+flip, or FILE.py:NAME", "WHAT")]
    class_weights: Annotated[
        ClassWeights | None,
        Setting("weights of the classes in the loss: balanced, a number each, or some by name", "balanced|CLASS=W,.."),
    ] = None
    raw_inputs: Annotated[bool, Setting("a network of your own takes inputs as they are, not normalised")] = False
    crop: Annotated[
        int | None, Setting("side of a random crop of larger images (the centre to evaluate)", "INT", ge=8)
    ] = None
    balanced_batches: Annotated[
        int | None, Setting("batches per epoch, balanced by given class, drawn anew (default: every row)", "INT", ge=1)
    ] = None
    pretrained: Annotated[
        str | None,
        Setting(
            "weights a timm: network begins with: a file, timm (its cache) or efficientnet-lite0", "FILE", path=True
        ),
    ] = None
    val_fraction: Annotated[float, Setting("share held out to pick the epoch (0.1)", "FLOAT", ge=0, lt=1)]
    test_every: Annotated[int, Setting("test each so many epochs; 0 = at the end", "INT", ge=0)]
    metrics: Annotated[
        tuple[str, ...],
        Setting("measured beside accuracy: balanced-accuracy, f1; repeatable", "NAME", repeats=True),
    ] = ()
    log: Annotated[
        tuple[str, ...],
        Setting("tell csv, tensorboard, wandb or mlflow of every epoch; repeatable", "WHAT", repeats=True),
    ] = ()


class ExecutionSettings:
    """How it is carried out: as released or not, and on what."""

    as_released: Annotated[bool, Setting("ELR+ as released: one noise draw per network")]
    accelerator: Annotated[str, Setting("auto, cpu, cuda, mps", "NAME")]
    devices: Annotated[int, Setting("devices of a machine, each with a process of its own (1)", "INT", ge=1)]
    num_nodes: Annotated[int, Setting("machines, on each of which a launcher starts this command (1)", "INT", ge=1)] = 1
    precision: Annotated[Literal["32-true", "bf16-mixed"], Setting("32-true or bf16-mixed", "NAME")]
    eager: Annotated[bool, Setting("on a GPU too, run every step anew, not as a CUDA graph")] = False


SETTINGS = (TrainingSettings, DataSettings, ExecutionSettings)  # in the order of the command line's help
