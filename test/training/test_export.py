from __future__ import annotations

import numpy as np
import pytest
import torch
from written_checkpoints import write_checkpoint

from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.network.checkpoint import load_model
from s2r_depth_training.errors import ExportError
from s2r_depth_training.runs.export import export


def test_the_average_is_exported_with_its_provenance(tmp_path):
    checkpoint, stage = write_checkpoint(tmp_path)
    export(checkpoint, 'mine', tmp_path / 'mine.safetensors', torch.float32)
    network, metadata = load_model(tmp_path / 'mine.safetensors')
    for key, value in stage.average.state_dict().items():
        assert torch.equal(network.state_dict()[key], value), key
    assert (metadata.name, metadata.focal_length, metadata.max_depth) == ('mine', 100.0, 80.0)
    assert metadata.provenance['stage'] == 'joint'
    assert metadata.provenance['experiment']['stages'][0]['steps'] == 500
    assert metadata.provenance['experiment']['data']['manifests'] == ['rooms']
    assert metadata.provenance['experiment']['data']['paintings'] == 'paintings'


def test_an_unfinished_model_is_not_exported(tmp_path):
    checkpoint, _ = write_checkpoint(tmp_path, 'formula')
    with pytest.raises(ExportError, match='has not learnt behind the attention map'):
        export(checkpoint, 'mine', tmp_path / 'mine.safetensors')


@pytest.mark.parametrize('stage_name', ['decoder', 'ste'])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float16])
def test_after_stage_1_the_network_without_attention_is_exported(stage_name, dtype, tmp_path):
    """The paper's ablation; DP sees the structure map alone, whatever the image is."""
    checkpoint, stage = write_checkpoint(tmp_path, stage_name)
    export(checkpoint, 'mine', tmp_path / 'mine.safetensors', dtype)
    network, metadata = load_model(tmp_path / 'mine.safetensors')
    assert metadata.provenance['stage'] == stage_name
    trained = stage.average.eval()
    image = torch.rand(2, 3, 96, 128, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.no_grad():
        expected = trained.depth_net(trained.struct_decoder(trained.struct_encoder(image)))[-1]
        depth = network.eval()(image)[2][-1]
    assert (network.dsa(image) == 1).all()
    torch.testing.assert_close(
        depth, expected, atol=1e-5 if dtype == torch.float32 else 0.02, rtol=0
    )


@pytest.mark.parametrize(
    'content',
    [
        b'',
        b'nothing',
        bytes(range(256)),
        {'state_dict': {}},
        [1, 2],
        torch.zeros(3),
        {'state_dict': 3, 'experiment': {}, 'stage': 'joint', 'global_step': 1},
        {'state_dict': {}, 'experiment': {}, 'stage': 'joint', 'global_step': 1},
    ],
)
def test_another_file_is_not_exported(tmp_path, content):
    path = tmp_path / 'other.ckpt'
    with pytest.raises(
        ExportError, match=r'other\.ckpt: no such checkpoint; give the best\.ckpt of'
    ):
        export(path, 'mine', tmp_path / 'mine.safetensors')
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(ExportError) as refused:
        export(path, 'mine', tmp_path / 'mine.safetensors')
    told = 'is not a checkpoint of s2r_train; give the best.ckpt of a stage, such as RUN/joint/'
    assert str(refused.value) == f'{path} {told}best.ckpt'
    assert not (tmp_path / 'mine.safetensors').exists()


def test_a_checkpoint_of_another_version_is_not_exported(tmp_path):
    checkpoint, _ = write_checkpoint(tmp_path)
    content = torch.load(checkpoint, weights_only=True)
    for change in ({'experiment': {'wings': 2}}, {'stage': 'flight'}):
        torch.save(content | change, checkpoint)
        with pytest.raises(
            ExportError, match=r'is of another version of s2r_train: .*(wings|flight)'
        ):
            export(checkpoint, 'mine', tmp_path / 'mine.safetensors')


@pytest.mark.parametrize('fold_skips', [False, True])
def test_estimator_and_training_agree_on_depth(tmp_path, fold_skips):
    """Decoding, normalisation, focal correction and skip weights are those of the training."""
    checkpoint, stage = write_checkpoint(tmp_path, fold_skips=fold_skips)
    export(checkpoint, 'mine', tmp_path / 'mine.safetensors', torch.float32)
    rgb = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
    estimator = DepthEstimator(tmp_path / 'mine.safetensors', device='cpu')
    image = torch.from_numpy(rgb.transpose(2, 0, 1).astype(np.float32) / 255 * 2 - 1)
    with torch.no_grad():
        encoded = stage.predict(stage.average, image[None]).depths[-1]
    canonical = (encoded[0, 0].numpy() + 1) / 2 * 80
    # A lens of 50 px shows at half the distance what the canonical one of 100 px does.
    depth = estimator.predict(rgb, fx=50.0).depth
    np.testing.assert_allclose(depth, canonical / 2, rtol=1e-3, atol=1e-3)
