"""Writes torch.json: layers of PyTorch in double precision, forwards and backwards, under the names that bnnc has for the tensors.

    python3 test/reference/torch_cases.py

The loss is sum(k * y) with k given, so that no gradient vanishes by symmetry (that of sum(y) through a normalization would).
"""
import json
import pathlib

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.manual_seed(5)
cases = {}


def some(*shape, spread=1.0):
    # few digits keep the file small; the numbers are exactly these
    return torch.round(torch.randn(*shape) * spread * 1e3) / 1e3


def flat(t):
    return t.detach().reshape(-1).tolist()


def case(name, rows, f, inputs, parameters, constants=None, transposed=()):
    """f(tensors by name) gives the outputs by name; `k` weighs the output y."""
    tensors = {n: t.clone().requires_grad_() for n, t in {**inputs, **parameters}.items()}
    outputs = f({**tensors, **(constants or {})})
    k = None
    if "loss" not in outputs:
        k = some(*outputs["y"].shape)
        outputs["loss"] = (k * outputs["y"]).sum()
    outputs["loss"].backward()
    arrays = {**{"input:" + n: t for n, t in inputs.items()}, **parameters, **({"input:k": k} if k is not None else {})}
    arrays.update({n: t for n, t in (constants or {}).items()})
    want = {("output:" + n if n in ("y", "h", "c") else n): t for n, t in outputs.items()}
    for n, t in tensors.items():
        want["gradient:" + ("input:" + n if n in inputs else n)] = t.grad
    cases[name] = {
        "rows": rows,
        "arrays": {n: flat(t) for n, t in arrays.items()},
        "want": {n: flat(t) for n, t in want.items()},
    }


case("conv1d with groups, stride, padding and dilation", 2,
     lambda v: {"y": F.conv1d(v["x"], v["l.w.mu"], v["l.b.mu"], stride=2, padding=3, dilation=2, groups=2)},
     {"x": some(2, 4, 9)}, {"l.w.mu": some(6, 2, 3), "l.b.mu": some(6)})
case("conv2d with groups, stride, padding and dilation", 2,
     lambda v: {"y": F.conv2d(v["x"], v["l.w.mu"], v["l.b.mu"], stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2)},
     {"x": some(2, 4, 5, 6)}, {"l.w.mu": some(4, 2, 2, 3), "l.b.mu": some(4)})
case("conv3d with groups, stride, padding and dilation", 1,
     lambda v: {"y": F.conv3d(v["x"], v["l.w.mu"], v["l.b.mu"], stride=(1, 2, 1), padding=(1, 0, 1), dilation=(2, 1, 1), groups=2)},
     {"x": some(1, 2, 3, 4, 3)}, {"l.w.mu": some(2, 1, 2, 2, 2), "l.b.mu": some(2)})

# whole numbers make equal elements, of which the first gets the gradient
ties = torch.round(some(2, 3, 5, 6))
case("max_pool1d with stride", 2, lambda v: {"y": F.max_pool1d(v["x"], 3, stride=2)}, {"x": some(2, 2, 8)}, {})
case("max_pool2d with padding, and equal elements", 2, lambda v: {"y": F.max_pool2d(v["x"], (3, 2), stride=(2, 1), padding=(1, 1))}, {"x": ties}, {})
case("max_pool3d with padding", 1, lambda v: {"y": F.max_pool3d(v["x"], 2, stride=1, padding=1)}, {"x": some(1, 2, 2, 3, 3)}, {})
case("average_pool1d with padding", 2, lambda v: {"y": F.avg_pool1d(v["x"], 3, stride=2, padding=1)}, {"x": some(2, 2, 8)}, {})
case("average_pool2d with padding", 2, lambda v: {"y": F.avg_pool2d(v["x"], (3, 2), stride=(1, 2), padding=(1, 0))}, {"x": some(2, 2, 4, 5)}, {})
case("average_pool3d with padding", 1, lambda v: {"y": F.avg_pool3d(v["x"], 2, stride=1, padding=1)}, {"x": some(1, 2, 2, 3, 3)}, {})

mean, variance = some(3), 1 + some(3, spread=0.2)
norm = {"n.scale": 1 + some(3, spread=0.3), "n.shift": some(3)}
constants = {"n.running_mean": mean, "n.running_variance": variance}


def batch_norm(v):
    m, s = v["n.running_mean"].clone(), v["n.running_variance"].clone()
    y = F.batch_norm(v["x"], m, s, v["n.scale"], v["n.shift"], training=True, momentum=0.1, eps=1e-5)
    batch_norm.after = {"n.running_mean": m, "n.running_variance": s}
    return {"y": y, "state:n.running_mean": m, "state:n.running_variance": s}


for shape in ((4, 3), (2, 3, 4, 2)):
    what = f"batch_norm of rank {len(shape)}"
    x = 2 + some(*shape)
    case(f"{what} in training", shape[0], batch_norm, {"x": x}, norm, constants)
    y = F.batch_norm(x, *batch_norm.after.values(), norm["n.scale"], norm["n.shift"], training=False, eps=1e-5)
    cases[f"{what} in prediction"] = {
        "rows": shape[0],
        "arrays": {"input:x": flat(x), "input:k": [0.0] * y.numel(), **{n: flat(t) for n, t in {**norm, **batch_norm.after}.items()}},
        "want": {"output:y": flat(y)},
    }
case("layer_norm", 2, lambda v: {"y": F.layer_norm(v["x"], (4,), v["n.scale"], v["n.shift"])},
     {"x": some(2, 3, 4)}, {"n.scale": 1 + some(4, spread=0.3), "n.shift": some(4)})


def lstm(v):
    w = [v["l.wi.mu"].T, v["l.wh.mu"].T, v["l.b.mu"], torch.zeros(12)]
    y, h, c = torch._VF.lstm(v["x"], (v["h0"][None], v["c0"][None]), w, True, 1, 0.0, False, False, True)
    return {"y": y, "h": h[0], "c": c[0], "loss": (v["k"] * y).sum() + (c[0] * v["h0"]).sum()}


def gru(v):
    # our only hidden bias is that of the candidate: PyTorch's others are in sum with the input's
    bias = torch.cat([torch.zeros(6), v["l.bh.mu"]])
    y, h = torch._VF.gru(v["x"], v["h0"][None], [v["l.wi.mu"].T, v["l.wh.mu"].T, v["l.bi.mu"], bias], True, 1, 0.0, False, False, True)
    return {"y": y, "h": h[0]}


case("lstm", 2, lstm, {"x": some(2, 4, 2), "h0": some(2, 3), "c0": some(2, 3), "k": some(2, 4, 3)},
     {"l.wi.mu": some(2, 12, spread=0.6), "l.wh.mu": some(3, 12, spread=0.6), "l.b.mu": some(12)})
case("gru", 2, gru, {"x": some(2, 4, 2), "h0": some(2, 3)},
     {"l.wi.mu": some(2, 9, spread=0.6), "l.wh.mu": some(3, 9, spread=0.6), "l.bi.mu": some(9), "l.bh.mu": some(3)})

index = torch.tensor([[1, 3, 0], [4, 1, 1]])
case("embedding", 2, lambda v: {"y": F.embedding(index, v["e.w.mu"])}, {}, {"e.w.mu": some(5, 3)}, {"input:i": index})
classes = torch.tensor([2, 0, 3, 2])
case("cross_entropy", 4, lambda v: {"loss": F.cross_entropy(v["x"], classes)}, {"x": some(4, 5, spread=3)}, {}, {"target:t": classes})

pathlib.Path(__file__).with_name("torch.json").write_text(json.dumps(cases, separators=(",", ":")).replace('},"', '},\n"') + "\n")
