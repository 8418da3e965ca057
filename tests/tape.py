"""What does a CUDA graph do, for tests without a GPU: the operations of a step on tape, played without Python?"""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only


class Tape(TorchDispatchMode):
    """Records operations with the tensors and numbers they were given; a number is the same at every replay.

    As with a CUDA graph, reading a tensor's value on the way is an error.
    """

    def __init__(self):
        super().__init__()
        self.operations = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function in (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default):
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
    """Stands in for `earlylearn.replay.CudaGraphs`."""

    def warm_up(self, step):
        return step()

    def record(self, step):
        tape = Tape()
        with tape:
            losses = step()
        done = []  # recording a CUDA graph does nothing, a tape has done the step already: the first replay is no other

        def replay():
            if done:
                tape.play(losses.values())
            done.append(True)

        return replay, losses
