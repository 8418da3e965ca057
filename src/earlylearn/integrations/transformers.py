"""How does a Hugging Face Trainer learn without memorising wrong labels?"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import Trainer

from earlylearn.audit.label_issues import find_label_issues
from earlylearn.errors import UsageError
from earlylearn.integrations._labels import given_labels
from earlylearn.losses.indexed import IndexedDataset
from earlylearn.losses.module import ELRLoss

INDEX = "elr_index"  # key of an example's index in items and batches; no model has an argument of that name
TABLE = "elr_targets.safetensors"  # beside the weights in each checkpoint


class ELRTrainer(Trainer):
    """transformers' Trainer with early-learning regularization: change the class name, keep the script.

    The loss of a training step is cross-entropy plus regularization (`ELRLoss`); evaluation is the Trainer's own.
    Accumulation, resuming, mixed precision and several processes are as they were. The log has ``ce`` and ``elr``
    beside ``loss``, which may be negative. For models with one label an example (texts, images) or a token.

    Args:
        args: those of Trainer, and its keywords.
        lam: regularization coefficient >= 0, and ``beta``, temporal ensembling momentum: see `ELRLoss`.
        num_classes: C; of the model's configuration if None.
        rows_per_example: where tokens have labels, how many the tokenizer truncates to.
        weight: ``[C]``, what an example of each class weighs.

    Attributes:
        criterion: the `ELRLoss`.

    Raises:
        UsageError: the training set has no length, the classes are not known, examples have several labels, or a data
            collator drops the index.
    """

    criterion: ELRLoss
    loss_is_scaled_for_ga = False  # a mean over the batch: the Trainer divides it by the steps it accumulates

    def __init__(
        self,
        *args: Any,
        lam: float = 3.0,
        beta: float = 0.7,
        num_classes: int | None = None,
        rows_per_example: int = 1,
        weight: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.model_accepts_loss_kwargs = False  # so that Trainers before transformers 5 divide it, too
        if self.compute_loss_func is not None:
            raise UsageError("compute_loss_func and ELRTrainer are two losses; leave one of them out")
        examples: Any = self.train_dataset
        if examples is None:
            return  # it will evaluate and predict, as the Trainer does
        model = getattr(self.model, "config", None)
        if (kind := getattr(model, "problem_type", None)) not in (None, "single_label_classification"):
            raise UsageError(f"the model's problem_type is {kind}; ELRTrainer learns one label an example or token")
        classes = num_classes or getattr(model, "num_labels", None)
        if classes is None:
            raise UsageError("the model's configuration has no num_labels; give ELRTrainer num_classes")
        n = len(IndexedDataset(examples))  # which says what to do where there is no length
        same = {"weight": weight, "label_smoothing": self.args.label_smoothing_factor}
        self.criterion = ELRLoss(n, classes, lam=lam, beta=beta, rows_per_example=rows_per_example, **same)

    def get_train_dataloader(self) -> Any:
        """The Trainer's own, its items with their index."""
        examples = self.train_dataset
        self.train_dataset = IndexedDataset(examples, key=INDEX)
        try:
            return super().get_train_dataloader()
        finally:
            self.train_dataset = examples

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, *others: Any, **named: Any
    ) -> Any:
        """The regularized loss of a training batch; of an evaluation batch, the Trainer's own."""
        index = inputs.pop(INDEX, None)
        if not model.training:
            return super().compute_loss(model, inputs, return_outputs, *others, **named)
        name = self.label_names[0]
        labels = inputs.pop(name, None)  # or the model computes its own loss as well
        if index is None or labels is None:
            missing = INDEX if index is None else name
            raise UsageError(f"a batch has no {missing!r}; the data collator must keep it, as transformers' own do")
        outputs = model(**inputs)
        loss = self.criterion(outputs["logits"] if isinstance(outputs, dict) else outputs[0], labels, index)
        return (loss, outputs) if return_outputs else loss

    def label_issues(self, classes: list[str] | None = None, ids: Any = None) -> pd.DataFrame:
        """A row per training example, or per token with a label: is the label believed wrong?

        Args:
            classes: C names; of the model's configuration if None, or of the data set where that has none.
            ids: n stable names of the examples; their position otherwise.

        Returns:
            See `find_label_issues`. Of tokens, ``index`` and ``id`` are the example's; ``position`` is the token's.
        """
        each, named = self.criterion.rows_per_example, (*self.label_names, "label", "labels", "label_ids")
        labels, example, position, names = given_labels(self.train_dataset, named, self.criterion.ignore_index)
        known = getattr(getattr(self.model, "config", None), "id2label", None) or {}
        if classes is None and known:
            classes = [str(name) for _, name in sorted(known.items())]
        if names is not None and (classes is None or classes == [f"LABEL_{k}" for k in range(len(names))]):
            classes = names
        beliefs = self.criterion.beliefs().cpu()[example * each + position]
        given_ids = example if ids is None else np.asarray(ids)[example]
        table = find_label_issues(labels, beliefs, classes=classes, ids=given_ids)
        return table if each == 1 else table.assign(index=example, position=position)

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """As the Trainer's; with the last batch's cross-entropy and regularizer beside the loss."""
        if "loss" in logs:
            logs |= {name: float(part) for name, part in self.criterion.parts.items()}
        super().log(logs, *args, **kwargs)

    def call_model_init(self, trial: Any = None) -> Any:
        """A new model, as of every trial of a search, with targets that have seen nothing."""
        if hasattr(self, "criterion"):
            self.criterion.targets.zero_()
        return super().call_model_init(trial)

    def _set_signature_columns_if_needed(self) -> None:
        super()._set_signature_columns_if_needed()
        self._signature_columns: Any = list({*(self._signature_columns or ()), INDEX})

    def _save_checkpoint(self, model: nn.Module, trial: Any, *others: Any) -> None:
        super()._save_checkpoint(model, trial, *others)
        if self.args.should_save:
            folder = Path(self._get_output_dir(trial=trial)) / f"checkpoint-{self.state.global_step}"
            save_file({"targets": self.criterion.targets}, folder / TABLE)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        path = Path(resume_from_checkpoint) / TABLE
        if not path.is_file():
            raise UsageError(f"{path} is missing: the checkpoint is not an ELRTrainer's; begin without resuming")
        self.criterion.load_state_dict(load_file(path))
