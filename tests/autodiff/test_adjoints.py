"""Each adjoint against autograd's own double backward: maps, and the gradients that reach the weights."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from tests.asserts import assert_same
from tests.autodiff.test_tape import SEVERAL, by_autograd_alone, found, images
from tests.capturing import features_at
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

Operation = Callable[[Tensor, Tensor], Tensor]


class Net(nn.Module):
    """Convolution, an operation on features [B 4 6 6] and a weight [4 4], mean and a head."""

    def __init__(self, operation: Operation):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.fc = nn.Conv2d(3, 4, 3, 2), nn.LazyLinear(3)
        self.weight, self.operation = nn.Parameter(torch.randn(4, 4)), operation
        self.double()(images())

    def forward(self, x: Tensor) -> Tensor:
        y = self.operation(2 * self.first(x), self.weight).flatten(2)
        return self.fc((y * torch.linspace(0.2, 1, y.shape[2]).double()).sum(2).square().flatten(1))


def tokens(x: Tensor) -> Tensor:
    return x.flatten(2).mT


def heads(x: Tensor, weight: Tensor) -> Tensor:
    return (tokens(x) @ weight).unflatten(-1, (2, 2)).transpose(1, 2)


def attention(x: Tensor, weight: Tensor, **settings: object) -> Tensor:
    q, k, v = (heads(x, each) for each in (weight, weight.T, weight.square()))
    return F.scaled_dot_product_attention(q, k, v, **settings).transpose(1, 2).flatten(2).mT  # type: ignore[arg-type]


def by_hand(x: Tensor, weight: Tensor) -> Tensor:
    qkv = F.linear(tokens(x), weight.repeat(3, 1)).reshape(len(x), 36, 3, 2, 2).permute(2, 0, 3, 1, 4)
    q, k, v = qkv.unbind(0)
    return ((q * 0.7) @ k.transpose(-2, -1)).softmax(-1).matmul(v).transpose(1, 2).reshape(len(x), 36, 4).mT


def torchs(x: Tensor, weight: Tensor) -> Tensor:
    module = nn.MultiheadAttention(4, 2, bias=False, batch_first=True).double()
    module.in_proj_weight, module.out_proj.weight = nn.Parameter(weight.repeat(3, 1).detach()), None
    rows = tokens(x) @ weight
    given = {"in_proj_weight": weight.repeat(3, 1), "out_proj.weight": weight}
    return torch.func.functional_call(module, given, (rows, rows, rows), {"need_weights": False})[0].mT


def windows(x: Tensor, weight: Tensor) -> Tensor:
    x = torch.roll(x.permute(0, 2, 3, 1), (-1, -1), (1, 2)) @ weight
    x = x.view(len(x), 2, 3, 2, 3, 4).permute(0, 1, 3, 2, 4, 5).reshape(-1, 9, 4)
    x = F.softmax(x @ x.transpose(1, 2), -1) @ x
    return x.view(-1, 2, 2, 3, 3, 4).permute(0, 5, 1, 3, 2, 4).flatten(2)


def with_class_token(x: Tensor, weight: Tensor) -> Tensor:
    x = torch.cat((weight[:1].expand(len(x), -1, -1), tokens(x)), 1) * weight[1]
    return x[:, :1].mT + x[:, 1:].mean(1).unsqueeze(2)


ACTIVATIONS: dict[str, Operation] = {
    "relu6": lambda x, w: F.relu6(4 * x),
    "relu6 in place": lambda x, w: F.relu6(x * 4, inplace=True),
    "hardtanh": lambda x, w: F.hardtanh(x, -0.5, 0.7),
    "clamp": lambda x, w: x.clamp(min=-0.5).clamp_(max=0.7),
    "leaky_relu": lambda x, w: F.leaky_relu(x, 0.1),
    "hardsigmoid": lambda x, w: F.hardsigmoid(2 * x) * x,
    "hardsigmoid in place": lambda x, w: F.hardsigmoid(2 * x, inplace=True) * x,
    "hardswish": lambda x, w: F.hardswish(2 * x),
    "sigmoid": lambda x, w: x.sigmoid() * x,
    "tanh": lambda x, w: torch.tanh(x),
    "silu": lambda x, w: F.silu(x),
    "silu in place": lambda x, w: F.silu(x * 1.5, inplace=True),
    "gelu": lambda x, w: F.gelu(x),
    "gelu by tanh": lambda x, w: F.gelu(x, approximate="tanh"),
    "elu": lambda x, w: F.elu(x, 0.7),
    "softplus": lambda x, w: F.softplus(x),
    "mish": lambda x, w: F.mish(x),
    "glu": lambda x, w: F.glu(x, 1),
    "softmax": lambda x, w: x.softmax(1),
    "log_softmax": lambda x, w: F.log_softmax(x, dim=-1),
    "names of NumPy": lambda x, w: torch.cat([x, x.softmax(axis=1) * x.amax(axis=1, keepdims=True)], axis=1),
    "curves": lambda x, w: x.exp() + (x.square() + 1).log() + x.sin() + x.cos() + (x**2 + 1).sqrt() + x.abs(),
    "reciprocals": lambda x, w: 1 / (x * x + 2) + (x.square() + 1).rsqrt() + torch.reciprocal(x.square() + 3),
}
PRODUCTS: dict[str, Operation] = {
    "squeeze and excitation": lambda x, w: x * F.linear(x.mean((2, 3)), w).sigmoid()[:, :, None, None],
    "scale of layers": lambda x, w: x.mul(w[0].view(4, 1, 1)) - x / (2 + w[1].square().view(1, 4, 1, 1)),
    "quotient": lambda x, w: (w[:, :1, None] - x) / (1 + x.square().sum(1, keepdim=True)),
    "sum in place": lambda x, w: torch.sub(x, 1).mul_(x).sub_(x, alpha=2),
    "addcmul": lambda x, w: torch.addcmul(x, x.flip(2), w[:, :1, None], value=2),
    "matmul": lambda x, w: (tokens(x) @ w @ x.flatten(2)) @ tokens(x),
    "bmm": lambda x, w: torch.bmm(tokens(x), x.flatten(2)),
    "matrix of a batch": lambda x, w: torch.matmul(w, x.flatten(2)),
    "attention": attention,
    "attention with a mask": lambda x, w: attention(
        x, w, attn_mask=torch.ones(36, 36).tril().bool(), scale=0.3
    ),
    "attention with rows of nothing": lambda x, w: attention(
        x, w, attn_mask=(torch.arange(36) > 3)[:, None] & (torch.arange(36) > 1)
    ),
    "attention with a bias": lambda x, w: attention(x, w, attn_mask=w.repeat(9, 9)),
    "attention by hand": by_hand,
    "attention of torch": torchs,
    "windows": windows,
}
NORMS: dict[str, Operation] = {
    "layer": lambda x, w: F.layer_norm(tokens(x), (4,), w[0], w[1]).mT,
    "layer without weights": lambda x, w: F.layer_norm(x.square(), (6, 6)),
    "group": lambda x, w: F.group_norm(x, 2, w[0], w[1]),
    "instance": lambda x, w: F.instance_norm(x.square(), weight=w[0], bias=w[1]),
    "root mean square": lambda x, w: F.rms_norm(tokens(x), (4,), w[0]).mT,
    "length": lambda x, w: x / (x.norm(p=2, dim=(2, 3), keepdim=True) + x.norm(dim=1, keepdim=True)),
    "unit length": lambda x, w: F.normalize(x, dim=1) * w[0].view(4, 1, 1),
    "cosine": lambda x, w: F.linear(F.normalize(x.mean((2, 3))), F.normalize(w))[..., None] * x.flatten(2),
}
SHAPES: dict[str, Operation] = {
    "split": lambda x, w: torch.cat([each * i for i, each in enumerate(x.split([1, 3], 1), 1)], 1),
    "chunk": lambda x, w: torch.cat(x.chunk(3, 1)[::-1], 1) * x,
    "unbind": lambda x, w: x.unbind(1)[1].unsqueeze(1) * x,
    "stack": lambda x, w: torch.stack((x, x.square()), 2).flatten(1, 2),
    "shuffle": lambda x, w: x.view(-1, 2, 2, 6, 6).transpose(1, 2).contiguous().view(x.shape) * x,
    "index": lambda x, w: x[:, torch.tensor([0, 0, 3, 1])] * x[..., 2:3],
    "ends": lambda x, w: x[:, 1:, ::2, -1].square(),
    "narrow": lambda x, w: x.narrow(2, 1, 3) * x.select(2, 1).unsqueeze(2),
    "class token": with_class_token,
    "like another": lambda x, w: x.flatten(2).square().view_as(x).reshape_as(x * w[0, 0]).type_as(x),
    "expand": lambda x, w: x.mean(1, keepdim=True).expand_as(x) * x,
    "move": lambda x, w: x.movedim(1, -1).swapaxes(1, 2).flatten(1, 2).mT * x.flatten(2),
}
POOLS: dict[str, Operation] = {
    "max": lambda x, w: F.max_pool2d(x, 3, 2, 1),
    "largest": lambda x, w: x.amax((2, 3), keepdim=True) * x + torch.amax(x.relu(), 1).unsqueeze(1),
    "adaptive max": lambda x, w: F.adaptive_max_pool2d(x, 2),
    "adaptive average": lambda x, w: F.adaptive_avg_pool2d(x, (4, 5)),
    "global average": lambda x, w: F.adaptive_avg_pool2d(x, 1) * x,
    "pad": lambda x, w: F.pad(x, (0, 1, 2, 1)),
    "reflect": lambda x, w: F.pad(x, (1, 1, 2, 0), mode="reflect"),
    "bilinear": lambda x, w: F.interpolate(x, scale_factor=2, mode="bilinear"),
    "nearest": lambda x, w: F.interpolate(x, size=(9, 4)),
    "pixel shuffle": lambda x, w: F.pixel_shuffle(x, 2),
    "patches": lambda x, w: F.unfold(x, 3, stride=3),
    "sum": lambda x, w: x.sum((2, 3), keepdim=True) * x,
    "rows": lambda x, w: F.conv1d(x.flatten(2), w[:, :, None]),
    "up": lambda x, w: F.conv_transpose2d(x, w.view(4, 1, 2, 2).expand(-1, 2, -1, -1), stride=2),
    "same": lambda x, w: F.conv2d(x, w.view(1, 4, 2, 2), padding="same", dilation=2),
    "side by side": lambda x, w: F.conv2d(x[:, :, 1:, :5], w.view(1, 4, 2, 2), w[0, :1], stride=2),
    "depthwise": lambda x, w: F.conv2d(x, w.view(4, 1, 2, 2), None, 2, 1, groups=4),
}
ALL = ACTIVATIONS | PRODUCTS | NORMS | SHAPES | POOLS
FOLDED = {"windows", "attention by hand", "attention of torch"}
"""Where the images leave the first axis, so that all classes of an image cannot go back at once."""


def gradients(model: nn.Module) -> list[Tensor]:
    """Return maps, with and without a graph, of several classes and of one, and what reaches the weights."""
    several = (SEVERAL, [0, 2, 1, 0], [[1, 0, 2]])  # also of the only image of a batch
    calls = [(classes, graph) for classes in several for graph in (True, False)]
    return [each for classes, graph in calls for each in found(model, "ixg", "input", classes, graph)]


@pytest.mark.parametrize("name", ALL)
def test_equal_to_double_backward(name: str, monkeypatch: pytest.MonkeyPatch):
    model = Net(ALL[name])
    captured = features_at(model, images(), "first", attached=True)
    assert captured.without_adjoint is None
    assert captured.separable == (name not in FOLDED)
    ours = gradients(model)
    by_autograd_alone(monkeypatch)
    assert features_at(model, images(), "first", attached=True).without_adjoint is not None
    with sdpa_kernel(SDPBackend.MATH):
        theirs = gradients(model)
    assert any(each.abs().max() > 1e-6 for each in theirs[1:])
    for mine, oracle in zip(ours, theirs, strict=True):
        if oracle.abs().max() < 1e-12:  # nothing but rounding: a bias that log_softmax does not see
            assert mine.abs().max() < 1e-12
            continue
        assert_same(mine, oracle, 1e-6 if "hardsigmoid" in name else 1e-10)  # torch has its 1/6 in float32


def test_dropout_draws_the_random_numbers_of_torch():
    x = torch.rand(2, 3, 4, 4)
    drawn = []
    for at in ("", "0"):
        torch.manual_seed(3)
        model = nn.Sequential(nn.Identity(), nn.Dropout(0.3), nn.Flatten())
        drawn.append(features_at(model, x, "input", attached=True).logits if at else model(x))
    assert torch.equal(*drawn)
