"""DINOv2's network against NumPy, and beside timm's where it is installed."""

import keras
import numpy as np
import pytest
import scipy.special

from keras_svae import evaluation
from keras_svae.evaluation.backbones import dinov2 as module

HEADS, DEPTH, WIDTH, GRID = 2, 2, 128, 5


def weights(width=WIDTH, depth=DEPTH, grid=GRID):
    """Random ones, by the names of the published files."""
    rng = np.random.RandomState(0)
    shapes = {
        "cls_token": (1, 1, width),
        "pos_embed": (1, 1 + grid**2, width),
        "mask_token": (1, width),
        "patch_embed.proj.weight": (width, 3, 14, 14),
        "patch_embed.proj.bias": (width,),
        "norm.weight": (width,),
        "norm.bias": (width,),
    }
    for i in range(depth):
        for name, shape in {
            "norm1.weight": (width,),
            "norm1.bias": (width,),
            "attn.qkv.weight": (3 * width, width),
            "attn.qkv.bias": (3 * width,),
            "attn.proj.weight": (width, width),
            "attn.proj.bias": (width,),
            "ls1.gamma": (width,),
            "norm2.weight": (width,),
            "norm2.bias": (width,),
            "mlp.fc1.weight": (4 * width, width),
            "mlp.fc1.bias": (4 * width,),
            "mlp.fc2.weight": (width, 4 * width),
            "mlp.fc2.bias": (width,),
            "ls2.gamma": (width,),
        }.items():
            shapes[f"blocks.{i}.{name}"] = shape
    found = {}
    for name, shape in shapes.items():
        scale = 1 / np.sqrt(np.prod(shape[1:])) if name.endswith("weight") else 0.3
        found[name] = (scale * rng.standard_normal(shape)).astype(np.float32)
        if len(shape) == 1 and ("norm" in name or "gamma" in name):
            found[name] += name.endswith(("weight", "gamma"))
    return found


WEIGHTS = weights()


def by_hand(x, places):
    """Features of one image in [0, 1], (224, 224, 3)."""
    w = {name: array.astype(np.float64) for name, array in WEIGHTS.items()}

    def norm(t, name):
        t = (t - t.mean(-1, keepdims=True)) / np.sqrt(t.var(-1, keepdims=True) + 1e-6)
        return t * w[f"{name}.weight"] + w[f"{name}.bias"]

    def dense(t, name):
        return t @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    x = (x - module.MEAN) / module.DEVIATION
    patches = x.reshape(16, 14, 16, 14, 3).transpose(0, 2, 4, 1, 3).reshape(256, -1)
    t = patches @ w["patch_embed.proj.weight"].reshape(WIDTH, -1).T
    t = np.r_[w["cls_token"][0], t + w["patch_embed.proj.bias"]] + places
    for i in range(DEPTH):
        name = f"blocks.{i}"
        qkv = dense(norm(t, f"{name}.norm1"), f"{name}.attn.qkv")
        q, k, v = qkv.reshape(257, 3, HEADS, 64).transpose(1, 2, 0, 3)
        seen = scipy.special.softmax(q @ k.transpose(0, 2, 1) / 8, -1) @ v
        seen = seen.transpose(1, 0, 2).reshape(257, WIDTH)
        t = t + dense(seen, f"{name}.attn.proj") * w[f"{name}.ls1.gamma"]
        h = dense(norm(t, f"{name}.norm2"), f"{name}.mlp.fc1")
        h = h * scipy.special.ndtr(h)
        t = t + dense(h, f"{name}.mlp.fc2") * w[f"{name}.ls2.gamma"]
    return norm(t, "norm")[0]


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "narrow.npz"
    np.savez(path, **WEIGHTS)
    return evaluation.dinov2(path)


def test_features_by_hand(net):
    x = np.random.RandomState(1).randint(0, 256, (2, 224, 224, 3))
    table = WEIGHTS["pos_embed"][0].astype(np.float64)
    grid = table[1:].reshape(GRID, GRID, WIDTH)
    rows = module._bicubic(GRID, 16)
    grid = np.einsum("ai,bj,ijc->abc", rows, rows, grid).reshape(256, WIDTH)
    want = [by_hand(one / 255, np.r_[table[:1], grid]) for one in x]
    np.testing.assert_allclose(next(net.features(x, (0, 255))), want, atol=1e-4)
    assert not net.classifies and net.dtype == "float32"
    assert net.details((32, 32, 3))["resize"] == "tf1_bilinear 32x32 to 224x224"


def test_places_are_resized_as_pytorch_does():
    # A cubic kernel's rows have sum one, and keep a straight line away from the ends.
    rows = module._bicubic(37, 16)
    np.testing.assert_allclose(rows.sum(1), 1, atol=1e-12)
    at = (np.arange(16) + 0.5) * 37 / 16.1 - 0.5
    np.testing.assert_allclose((rows @ np.arange(37.0))[1:-1], at[1:-1], atol=0.1)
    # torch.nn.functional.interpolate(torch.arange(5.)[None, None, :, None].expand(
    #     1, 1, 5, 5) ** 2, scale_factor=(3.1 / 5,) * 2, mode="bicubic")[0, 0, :, 0]
    found = module._bicubic(5, 3) @ np.arange(5.0) ** 2
    want = [0.13933372, 3.5535758, 13.190599]
    np.testing.assert_allclose(found, want, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"norm.bias": None}, "with norm.bias; received: none"),
        ({"blocks.1.ls2.gamma": None}, "with blocks.1.ls2.gamma; received: none"),
        ({"blocks.0.mlp.w12.weight": np.zeros(2)}, "received: blocks.0.mlp.w12"),
        ({"register_tokens": np.zeros((1, 4, WIDTH))}, "received: register_tokens"),
        ({"pos_embed": np.zeros((1, 8, WIDTH))}, "a square of patches"),
    ],
)
def test_weights_of_another_network_are_refused(change, why):
    given = {k: v for k, v in (WEIGHTS | change).items() if v is not None}
    with pytest.raises(ValueError, match=f"Expected the weights of dinov2.*{why}"):
        module.graph(module.Tensors(given, "dinov2"))


def test_published_files_are_asked_for_by_name(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_SVAE_CACHE", str(tmp_path))

    def no_network(*_, **__):
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.utils, "get_file", no_network)
    for name in ("vit_s", "vit_l"):
        file = f"dinov2_{name.replace('_', '')}14_pretrain.pth"
        with pytest.raises(
            FileNotFoundError, match=f"Expected .*fetch https://.*{file}"
        ):
            evaluation.dinov2(name)
    with pytest.raises(FileNotFoundError, match="received: vit_g"):
        evaluation.dinov2("vit_g")


@pytest.mark.slow
def test_beside_timm(tmp_path):
    """Its own network with the places that PyTorch has resized."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("torch_fidelity")
    from tests.evaluation import upstream

    upstream.imported()  # torchvision can be imported after it
    timm = pytest.importorskip("timm.models.vision_transformer")
    given = weights(384, 12, 37)
    np.savez(tmp_path / "small.npz", **given)
    tensors = {k: torch.tensor(v) for k, v in given.items() if k != "mask_token"}
    grid = tensors["pos_embed"][:, 1:].reshape(1, 37, 37, -1).permute(0, 3, 1, 2)
    grid = torch.nn.functional.interpolate(
        grid, scale_factor=(16.1 / 37, 16.1 / 37), mode="bicubic"
    )
    grid = grid.permute(0, 2, 3, 1).reshape(1, 256, -1)
    tensors["pos_embed"] = torch.cat([tensors["pos_embed"][:, :1], grid], 1)
    net = timm.vit_small_patch14_dinov2(img_size=224, num_classes=0).eval()
    net.load_state_dict(tensors)
    x = upstream.images(224, 224)
    image = (x / 255 - module.MEAN) / module.DEVIATION
    with torch.no_grad():
        image = torch.tensor(image.transpose(0, 3, 1, 2), dtype=torch.float32)
        want = net.forward_features(image)[:, 0].numpy()
    found = next(evaluation.dinov2(tmp_path / "small.npz").features(x, (0, 255)))
    assert found.shape == (3, 384)
    np.testing.assert_allclose(found, want, atol=1e-4)
