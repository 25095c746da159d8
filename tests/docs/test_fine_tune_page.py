"""The guide for people who come from the PyTorch port has every flag of its programs."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "fine-tune.md"
# The options of pytorch-CycleGAN-and-pix2pix, by the file that declares them.
FLAGS = {
    "base_options": """
        dataroot name gpu_ids checkpoints_dir model input_nc output_nc ngf ndf netD netG n_layers_D
        norm init_type init_gain no_dropout dataset_mode direction serial_batches num_threads
        batch_size load_size crop_size max_dataset_size preprocess no_flip display_winsize epoch
        load_iter verbose suffix use_wandb wandb_project_name""",
    "train_options": """
        display_freq display_ncols display_id display_server display_env display_port
        update_html_freq print_freq no_html save_latest_freq save_epoch_freq save_by_iter
        continue_train epoch_count phase n_epochs n_epochs_decay beta1 lr gan_mode pool_size
        lr_policy lr_decay_iters""",
    "test_options": "results_dir aspect_ratio phase eval num_test",
    "models": "lambda_L1 lambda_A lambda_B lambda_identity model_suffix",
}


@pytest.mark.parametrize("file", FLAGS)
def test_every_flag_of_the_port_is_in_a_table(file):
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    shown = {flag for row in rows for flag in re.findall(r"--(\w+)", row.split("|")[1])}
    assert set(FLAGS[file].split()) - shown == set()
