from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import torch

from s2r_depth_ros.cli import main
from s2r_depth_ros.evaluation.boundaries import BoundaryErrors
from s2r_depth_ros.evaluation.parts import CONSTANT, FORMULA, partly
from s2r_depth_ros.evaluation.scores import FrameScore, edge_means, image_means
from s2r_depth_ros.network.contrast import normalised_contrast
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet


def test_one_part_at_a_time_knows_nothing():
    torch.manual_seed(0)
    network, image = S2RDepthNet(0.125).eval(), torch.rand(1, 3, 96, 128) * 2 - 1
    with torch.inference_mode():
        whole = network(image)
        formula = network.depth_net(normalised_contrast(image) * whole.attention)[-1]
        constant = network.depth_net(whole.structure * whole.attention.mean())[-1]
    torch.testing.assert_close(partly(network, FORMULA)(image), formula)
    torch.testing.assert_close(partly(network, CONSTANT)(image), constant)


def one(frame: str, scene: str, error: float, edges: BoundaryErrors | None) -> list[FrameScore]:
    return [
        FrameScore(frame, 'indoor', scene, 'model', alignment, {
            'abs_rel': error + shift, 'sq_rel': 0, 'rmse': 0, 'rmse_log': 0,
            'delta1': 0, 'delta2': 0, 'delta3': 0, 'scale': 1,
        }, edges)
        for alignment, shift in (('none', 1.0), ('median', 0.0))
    ]  # fmt: skip


def test_images_are_averaged_not_scenes_and_edges_where_there_are_some():
    scores = [
        *one('a', 'room', 0.1, BoundaryErrors(2.0, 4.0)),
        *one('b', 'room', 0.2, None),
        *one('c', 'hall', 0.6, BoundaryErrors(4.0, 8.0)),
    ]
    assert image_means(scores)['indoor']['model']['abs_rel'] == pytest.approx(0.3)
    assert edge_means(scores) == {
        'indoor': {'model': {'images': 2, 'accuracy': 3.0, 'completeness': 6.0}}
    }
    assert edge_means(one('b', 'room', 0.2, None)) == {}


def test_evaluate_scores_the_parts_beside_the_model(tmp_path):
    rng = np.random.default_rng(0)
    cv2.imwrite(str(tmp_path / 'a.png'), rng.integers(0, 255, (96, 128, 3), np.uint8))
    depth = np.full((96, 128), 3000, np.uint16)
    depth[30:70, 40:90] = 1500
    cv2.imwrite(str(tmp_path / 'd.png'), depth)
    frame = {
        'id': 'a', 'rgb': 'a.png', 'depth': 'd.png', 'depth_scale': 1e-3, 'fx': 100.0,
        'kind': 'indoor', 'scene': 'room',
    }  # fmt: skip
    (tmp_path / 'manifest.json').write_text(json.dumps({'frames': [frame]}))
    command = ['evaluate', '--manifest', str(tmp_path / 'manifest.json'), '--model', 'indoor-s']
    assert main([*command, '--json', str(tmp_path / 'r.json'), '--parts']) == 0
    results = json.loads((tmp_path / 'r.json').read_text())
    assert {'model', FORMULA, CONSTANT} <= results['summary']['indoor']['median'].keys()
    assert results['edges_px']['indoor']['model']['images'] == 1
    assert results['image_means']['indoor'][FORMULA]['abs_rel'] > 0
