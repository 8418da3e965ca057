"""How are head and regularization chosen for data nobody tuned on, by the given labels alone?

A grid of small heads is trained at once, each setting in several copies that hold out a fold of the rows each. So every
row is predicted by heads that did not train on it, and settings are compared by how often that agrees with the given
labels. On large data a race comes first: for a quarter of the epochs all settings train in few copies, and only those
not clearly beaten begin anew, with a copy for every fold and one on all rows.
"""

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, cast

import torch
from pydantic import Field
from torch import Tensor

from earlylearn.data.splits import stratified_folds
from earlylearn.documents import Choice, TriedSetting
from earlylearn.loop.batches import Batch, Batches
from earlylearn.loop.grown import GrownBuffers
from earlylearn.loop.inference import unwrap
from earlylearn.loop.method import Method, Pass, Step
from earlylearn.losses.heads import heads_loss
from earlylearn.losses.targets import share_aligned, share_factor, target_beliefs, update_targets
from earlylearn.methods.account import account, tried
from earlylearn.methods.auto_network import PlainHeads, WeightedHeads
from earlylearn.methods.boosting import MOST_COLUMNS, MOST_ROWS, Trees, arrays_of, challenge
from earlylearn.methods.choice import Standing, compare, not_beaten, row_weights, shares
from earlylearn.methods.elr import Beta
from earlylearn.methods.grid import GRID, LOSSES
from earlylearn.methods.sureness import fitted, together
from earlylearn.networks.heads import HeadBank, Heads, Shape, inputs_of

LARGE = 10_000_000  # numbers in the inputs, from which on there is a race
RACE = 0.25  # share of the epochs
MOST = 4  # settings that train after the race
RACED_ROWS = 2000  # as many folds race as make so many rows out of fold
TREES = "boosted trees"
BLOCK = 4096  # rows looked at at a time
FLOOR = 1e-4  # of a probability whose logarithm is taken


class Auto(GrownBuffers, Method):
    """Chooses head and regularization by out-of-fold agreement with the given labels, on tables and embeddings.

    Heads trained with ELR (Liu et al., NeurIPS 2020) or cross-entropy compete, and boosted trees of scikit-learn on
    tables. It predicts with a mean of all that do not differ in a paired test, weighed by how little they differ
    (`earlylearn.methods.choice`), after all were made as sure as those labels bear out (`earlylearn.methods.sureness`).
    What it believes of a label is a mean with the same weights, of what all copies of a setting said of the row in all
    epochs, as sure as they said it: no single fit and no late memory has the last word.

    Aligned settings multiply the targets by the share of each class among the given labels over its mean target, and
    renormalise them: without that, ELR on overlapping classes may answer the largest for everybody.

    Args:
        beta: temporal ensembling momentum of the targets, 0 <= beta < 1.
        folds: by how many folds settings are compared.
        trees: whether boosted trees compete, where there are at most 100 columns and 50,000 rows.

    Attributes:
        fold: ``int64 [n]``, -1 of rows that do not train.
        targets: ``float32 [n, H, C]`` of the H heads of the stage.
        log_beliefs: ``float32 [n, S, C]``, log probabilities by setting, mean over its copies, summed over epochs.
        visits: ``float32 [n]``, of how many epochs the sums are.
        weights: ``float32 [S]``, how much each setting counts, and boosted trees behind them if they take part; sum 1.
        power: ``float32 [S]``, by which the probabilities of each of these are taken when it predicts; 1 until the end.
        sureness: by which the mean is taken then.
        trees_log_beliefs: ``float32 [n, C]``, log probabilities by boosted trees that did not grow on the row.
    """

    replayable = True
    one_process = "it trains all its heads in one product, and ends some as it goes"
    network, recipe = "mlp:64-64", "heads"
    in_words = "small heads compete, by how often they agree with labels that they did not see"
    learner = "its heads"  # boosted trees know no epochs
    paper = "heads of Liu, Niles-Weed, Razavian, Fernandez-Granda, NeurIPS 2020"
    grown = ("targets", "log_beliefs", "weights", "trees_log_beliefs")
    fold: Tensor
    visits: Tensor
    targets: Tensor
    log_beliefs: Tensor
    weights: Tensor
    power: Tensor
    trees_log_beliefs: Tensor
    held: Tensor
    lam: Tensor
    factor: Tensor

    def __init__(
        self,
        *given: Any,
        beta: Beta = 0.7,
        folds: Annotated[int, Field(ge=2, le=20, description="folds by which settings are compared")] = 5,
        trees: Annotated[bool, Field(description="let boosted trees compete, on tables")] = True,
        **others: Any,
    ) -> None:
        super().__init__(*given, **others)
        self.beta, self.folds, self.tries_trees = beta, folds, trees
        network, kinds = self.nets[0], len(LOSSES)
        # The fold that each copy holds out; the first copy of the final stage holds out none.
        self.held_by = {"final": [-2, *range(folds)]}
        if self.n * inputs_of(network) > LARGE:
            self.held_by["race"] = list(range(min(folds, max(1, -(-RACED_ROWS * folds // self.n)))))
        shapes = {stage: Shape(kinds, kinds, len(held)) for stage, held in self.held_by.items()}
        self.nets[0] = heads = Heads(network, self.classes, shapes, rows=self.n)
        self.grid = [setting for setting in GRID if heads.has_hidden or not setting.hidden]
        self.trees, self.tried = Trees(), list[TriedSetting]()
        self.agreement, self.behind, self.agreed, self.sureness = list[float](), list[float](), 0.0, 1.0
        self.begin_empty()
        self.register_buffer("fold", torch.full((self.n,), -1))
        self.register_buffer("visits", torch.zeros(self.n))
        for name in ("held", "lam", "factor", "power"):
            self.register_buffer(name, torch.zeros(0), persistent=False)
        self._begin("race" if "race" in self.held_by else "final", list(range(len(self.grid))))

    def _begin(self, stage: str, entrants: list[int]) -> None:
        """Begin a stage in which these settings of the grid train, with nothing kept of the rows."""
        self._set_stage(stage, entrants)
        device = self.fold.device
        self.targets = torch.zeros(self.n, len(self.lam), self.classes, device=device)
        self.weights = torch.full((len(entrants),), 1 / len(entrants), device=device)
        self.power = torch.ones(len(entrants), device=device)
        if stage == "final":
            self.log_beliefs = torch.zeros(self.n, len(entrants), self.classes, device=device)

    def _set_stage(self, stage: str, entrants: list[int]) -> None:
        """Let these settings of the grid train in this stage; what is kept of the rows is not touched."""
        self.stage, self.entrants = stage, entrants
        settings, device = [self.grid[each] for each in entrants], self.fold.device
        self.used = sum(not setting.hidden for setting in settings), sum(setting.hidden for setting in settings)
        self.held = torch.tensor(self.held_by[stage], device=device)
        heads = [setting for setting in settings for _ in self.held_by[stage]]
        self.lam = torch.tensor([setting.lam for setting in heads], device=device)
        self.aligned = [position for position, setting in enumerate(heads) if setting.aligned]
        self.factor = torch.ones(len(heads), self.classes, device=device)

    def get_extra_state(self) -> dict[str, Any]:
        """The stage, who is in it, how they compare, and what was tried before."""
        standing = {"agreement": self.agreement, "behind": self.behind, "agreed": self.agreed}
        sure = {"power": self.power.tolist(), "sureness": self.sureness}
        return {"stage": self.stage, "entrants": self.entrants, "tried": self.tried, **standing, **sure}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take up a state of `get_extra_state`."""
        self.tried = state["tried"]
        self.agreement, self.behind, self.agreed = (state[name] for name in ("agreement", "behind", "agreed"))
        self._set_stage(state["stage"], state["entrants"])
        power = state.get("power", [1.0] * len(self.weights))  # of which older runs know nothing
        self.power, self.sureness = torch.tensor(power, device=self.fold.device), state.get("sureness", 1.0)

    @property
    def raced(self) -> int:
        """Epochs of the race: none on small data, else a quarter."""
        return min(self.epochs - 1, max(1, round(RACE * self.epochs))) if "race" in self.held_by else 0

    def passes(self, epoch: int, data: Batches) -> Iterator[Pass]:
        """One pass; before it a stage begins and targets are aligned, after it the settings are compared."""
        rows = data.rows()
        labels = data.draws[0].labels[rows]
        if epoch == 0:
            dealt = stratified_folds(labels.cpu().numpy(), self.folds, self.generator)
            self.fold[rows] = torch.from_numpy(dealt).to(rows.device)
        if epoch == self.raced and self.stage == "race":
            self._end_race(rows, labels)
        self._align(rows, labels)
        yield Pass(data.batches(), partial(self._step, self.stage), (0,))
        standing = self._compare(rows, labels)
        last = epoch + 1 == self.epochs
        if last and self.tries_trees and self._try_trees(data, rows, labels, standing.best):
            standing = self._compare(rows, labels)
        self.agreement, self.behind = standing.agreement.tolist(), standing.behind.tolist()
        if self.stage == "final":
            self._weigh(standing)
            out_of_fold = self._out_of_fold(rows)
            if last:
                self.power, self.sureness = fitted(out_of_fold, labels, self.weights)
            self.agreed = float((self._together(out_of_fold).argmax(1) == labels).float().mean())

    def loss(self, batch: Batch) -> Step:
        """The mean loss of the stage's heads; each gets the gradient of its own."""
        return self._step(self.stage, batch)

    def _step(self, stage: str, batch: Batch) -> Step:
        logits = self.nets[0](batch.views[0], stage, *self.used).float()
        rows, settings = batch.index, logits.shape[1]
        part = (self.fold[rows].unsqueeze(1) != self.held).float().repeat(1, settings)
        update = partial(self._update, rows)
        loss, ce, regularizer, log_p = heads_loss(logits.flatten(1, 2), batch.label, part, update, self.lam)
        log_p = log_p.view_as(logits)
        if stage == "final":
            self.log_beliefs.index_add_(0, rows, log_p.mean(2))
            self.visits.index_add_(0, rows, torch.ones_like(rows, dtype=torch.float32))
        return Step(loss, self._say(log_p, stage), {"ce": ce, "elr": regularizer})

    def _update(self, rows: Tensor, probability: Tensor) -> Tensor:
        """Temporal ensembling of these rows for all heads; the targets, aligned where they are to be."""
        targets = update_targets(self.targets, rows, probability, beta=self.beta)
        return share_aligned(targets, self.factor) if self.aligned else targets

    def _say(self, log_p: Tensor, stage: str) -> Tensor:
        """What the heads say together, ``[B, C]``, of ``log_p [B, S, K, C]``: in the end, those that saw all rows."""
        each = log_p[:, :, 0] if stage == "final" else log_p.mean(2)
        weights = self.weights[: each.shape[1]]
        return torch.einsum("bsc,s->bc", each, weights / weights.sum().clamp(min=FLOOR))

    def _align(self, rows: Tensor, labels: Tensor) -> None:
        """By what each aligned head's targets are multiplied in this epoch, from its mean target over its own rows."""
        if not self.aligned:
            return
        total = torch.zeros_like(self.factor)
        for part in rows.split(BLOCK):
            trains = (self.fold[part].unsqueeze(1) != self.held).float()
            trains = trains.repeat(1, len(self.factor) // len(self.held))
            total += torch.einsum("nhc,nh->hc", self.targets[part], trains)
        given = torch.bincount(labels, minlength=self.classes) / len(labels)
        self.factor[self.aligned] = share_factor(total, given, 1.0)[self.aligned]

    def _out_of_fold(self, rows: Tensor) -> Tensor:
        """Log probabilities ``[m, S, C]`` of rows by each setting's copy that held them out, and by boosted trees."""
        copy = self.fold[rows] + self.held_by[self.stage].index(0)
        by_copy = self.targets.view(self.n, -1, len(self.held), self.classes)
        log_p = target_beliefs(by_copy[rows, :, copy]).clamp(min=FLOOR).log()
        if not len(self.trees_log_beliefs):
            return log_p
        return torch.cat([log_p, self.trees_log_beliefs[rows].unsqueeze(1)], 1)

    def _compare(self, rows: Tensor, labels: Tensor) -> Standing:
        """How the settings compare by those rows of which all have spoken out of fold."""
        judged = self.fold[rows] < len(self.held)
        rows, labels = rows[judged], labels[judged]
        right = self._out_of_fold(rows).argmax(2) == labels.unsqueeze(1)
        return compare(right, row_weights(labels, self.classes))

    def _end_race(self, rows: Tensor, labels: Tensor) -> None:
        """Let those begin anew that are not beaten."""
        standing = self._compare(rows, labels) if self.raced else None
        entrants = list(range(len(self.grid))) if standing is None else not_beaten(standing, MOST)
        if standing is not None:
            out = [k for k in range(len(self.grid)) if k not in entrants]
            self.tried = [tried(str(self.grid[k]), "race", standing, k) for k in out]
        self._begin("final", entrants)
        cast(Heads, unwrap(self.nets[0])).keep("final", *self.used)

    def _weigh(self, standing: Standing) -> None:
        weights = shares(standing).float()
        if len(weights) == len(self.weights):
            self.weights.copy_(weights)  # in place, for steps that are replayed read it
        else:
            self.weights = weights

    def _together(self, log_p: Tensor) -> Tensor:
        """What competitors say together, logits ``[m, C]`` of their log probabilities ``[m, S, C]``."""
        return self.sureness * together(log_p, self.weights, self.power)

    def _try_trees(self, data: Batches, rows: Tensor, labels: Tensor, best: int) -> bool:
        """Let boosted trees take part in the mean, unless the best heads are clearly ahead; whether they do."""
        if data.inputs.ndim != 2 or data.inputs.shape[1] > MOST_COLUMNS or self.n > MOST_ROWS:
            return False
        right = torch.zeros(self.n, dtype=torch.bool, device=rows.device)
        right[rows] = self._out_of_fold(rows)[:, best].argmax(1) == labels
        x, given, fold, heads = (t.cpu().numpy() for t in (data.inputs, data.draws[0].labels, self.fold, right))
        seed = int(self.generator.integers(2**31))
        standing, log_p, model = challenge(x, given, fold, self.classes, heads=heads, seed=seed)
        if log_p is None or model is None:
            self.tried += [] if standing is None else [tried(TREES, "first folds", standing, 1)]
            return False
        try:
            self.trees.put(arrays_of(model, self.classes), rows.device)
        except (AttributeError, LookupError, ValueError) as error:
            self.note(f"{TREES} do not take part: this release of scikit-learn keeps them otherwise ({error})")
            return False
        self.trees_log_beliefs = torch.from_numpy(log_p).to(rows.device)
        return True

    def _mean(self, log_p: Tensor) -> Tensor:
        """The probabilities ``[m, C]`` of competitors together, of their log probabilities ``[m, S, C]``."""
        return torch.softmax(torch.einsum("msc,s->mc", log_p, self.weights), 1)

    def predict(self, x: Tensor) -> Tensor:
        """Logits ``[B, C]``: the mean over the competitors, of heads by those that saw all rows."""
        log_p = torch.log_softmax(self.nets[0](x, self.stage, *self.used).float(), 3)
        each = log_p[:, :, 0] if self.stage == "final" else log_p.mean(2)
        if len(self.trees_log_beliefs):
            each = torch.cat([each, self.trees.log_probabilities(x).unsqueeze(1)], 1)
        return self._together(each)

    def inference_network(self) -> WeightedHeads:
        """What `predict` computes: those heads that count, each with its weight, and the trees."""
        heads, copies = unwrap(self.nets[0]), 1 if self.stage == "final" else len(self.held)
        assert isinstance(heads, Heads)
        used = [(bank[self.stage], n) for bank, n in zip((heads.linear, heads.hidden), self.used, strict=True) if n]
        weights, power = (
            torch.cat([each[: len(self.entrants)].repeat_interleave(copies) / many, each[len(self.entrants) :]])
            for each, many in ((self.weights, copies), (self.power, 1))
        )
        return WeightedHeads(
            heads.prepare,
            [PlainHeads(cast(HeadBank, bank).layers(settings, copies)) for bank, settings in used],
            self.sureness * weights,
            power,
            self.trees.fixed() if len(self.trees_log_beliefs) else None,
        )

    @torch.no_grad()
    def observe_held_out(self, index: Tensor, logits: Tensor) -> None:
        """Sum what is said of held-out rows over the epochs, as of the others."""
        if self.stage == "final":
            said = torch.log_softmax(logits, 1).unsqueeze(1).expand(-1, len(self.entrants), -1)
            self.log_beliefs.index_add_(0, index, said)
            self.visits.index_add_(0, index, torch.ones_like(index, dtype=torch.float32))

    def label_beliefs(self, rows: Tensor | None = None) -> Tensor:
        """The competitors' mean of what all their copies said over the epochs, ``[n, C]``; NaN of a row never seen."""
        of: Tensor | slice = slice(None) if rows is None else rows
        if self.stage == "race":
            heads = target_beliefs(self.targets[of]).clamp(min=FLOOR).log()
            return torch.softmax(heads.mean(1), 1)
        visits = self.visits[of]
        each = self.log_beliefs[of] / visits.where(visits > 0, torch.nan).view(-1, 1, 1)
        if len(self.trees_log_beliefs):
            each = torch.cat([each, self.trees_log_beliefs[of].unsqueeze(1)], 1)
        return self._mean(each)

    def out_of_fold(self) -> Tensor:
        """The competitors' mean of what copies that did not train on the row say of it now, ``[n, C]``."""
        beliefs = self.label_beliefs()
        rows = ((self.fold >= 0) & (self.fold < len(self.held))).nonzero().squeeze(1)
        beliefs[rows] = self._mean(self._out_of_fold(rows))
        beliefs[self.fold >= len(self.held)] = torch.nan
        return beliefs

    def choice(self) -> Choice:
        """What has been chosen so far, and all that was tried."""
        names = [str(self.grid[k]) for k in self.entrants] + [TREES] * bool(len(self.trees_log_beliefs))
        standing = Standing(torch.tensor(self.agreement), torch.tensor(self.behind))
        settings = [
            tried(name, self.stage, standing, k, weight)
            for k, (name, weight) in enumerate(zip(names, self.weights.tolist(), strict=True))
        ]
        return account(settings, self.tried, agreed=self.agreed)
