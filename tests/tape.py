"""What does a CUDA graph do, for tests without a GPU: the operations of a step on tape, played without Python?"""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

aten = torch.ops.aten
# What makes Python or PyTorch read a value, or brings one to the device. (`.cpu()` is not seen: all is on a processor.)
WAITING = {
    aten._local_scalar_dense.default,
    aten.nonzero.default,
    aten.masked_select.default,
    aten._unique2.default,
    aten.unique_dim.default,
    aten.equal.default,
    aten.repeat_interleave.Tensor,
    aten.lift_fresh.default,
}
INDEXING = {aten.index.Tensor, aten.index_put_.default, aten.index_put.default, aten._index_put_impl_.default}


class Tape(TorchDispatchMode):
    """Records operations with the tensors and numbers they were given; a number is the same at every replay.

    As with a CUDA graph, an operation that waits for the device is an error.
    """

    def __init__(self):
        super().__init__()
        self.operations = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        by_mask = function in INDEXING and any(
            isinstance(index, torch.Tensor) and index.dtype in (torch.bool, torch.uint8) for index in args[1]
        )
        if function in WAITING or by_mask:
            raise RuntimeError(f"{function} waits for the device")
        result = function(*args, **(kwargs or {}))
        if function.namespace != "profiler":  # the optimizer's notes
            self.operations.append((function, args, kwargs or {}, result))
        return result

    @torch.no_grad()
    def play(self, outputs):
        """Every operation again: on what stays where it is, and on what operations before it made in this replay."""
        made = {}

        def now(tensor):
            return made.get(id(tensor), tensor)

        for function, args, kwargs, before in self.operations:
            result = function(*tree_map_only(torch.Tensor, now, args), **tree_map_only(torch.Tensor, now, kwargs))
            pairs = zip(tree_leaves(before), tree_leaves(result), strict=True)
            made.update({id(old): new for old, new in pairs if isinstance(old, torch.Tensor)})
        for output in outputs:
            output.copy_(now(output))


class Tapes:
    """Stands in for `earlylearn.loop.replay.CudaGraphs`."""

    refuses = ""

    def warm_up(self, step):
        return step()

    def record(self, step):
        tape = Tape()
        with tape:
            said = step()
        done = []  # recording a CUDA graph does nothing, a tape has done the step already: the first replay is no other

        def replay():
            if done:
                tape.play([*said.losses.values(), *([] if said.logits is None else [said.logits])])
            done.append(True)

        return replay, said

    def forget(self):
        pass
