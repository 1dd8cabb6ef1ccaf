"""What the studio does to each data set: widths, recipes, pruned widths. Chosen on validation images, never on test images."""

from dataclasses import dataclass

from course_labs.methods.families import AnyShape
from course_labs.methods.training import Recipe
from course_labs.networks.convnet import Shape


@dataclass(frozen=True)
class Settings:
    """Everything that decides the four models.

    `teacher_smoothing` is the label smoothing of the teacher's loss. `temperature` and `alpha` belong to distillation,
    alpha being the share of the soft loss. The teacher is asked about `views` shifted and mirrored versions of every
    training image; students meet them in turn. `pruned_widths` are the channels kept in each layer of the student.
    `precision` of the training is float32, bfloat16, or measured: what is faster for this network on this machine.
    With `keep_teacher` the teacher is not trained at all, but used as it comes.
    `calibration` counts the training images whose activations set the int8 ranges. `latency_calls` are timed calls for each row.
    """

    teacher: AnyShape
    teacher_recipe: Recipe
    student: AnyShape
    student_recipe: Recipe
    pruned_widths: tuple[int, ...]
    recovery_recipe: Recipe
    teacher_smoothing: float = 0.0
    temperature: float = 4.0
    alpha: float = 0.9
    views: int = 6
    importance_images: int = 1024
    calibration: int = 512
    latency_calls: int = 600
    keep_teacher: bool = False
    precision: str = "measured"


SETTINGS = {
    "digits": Settings(
        teacher=Shape((64, 128, 128), (1, 2, 1)),
        teacher_recipe=Recipe(epochs=20, peak_lr=0.1, batch=64, shift=1),
        student=Shape((32, 32, 64), (1, 2, 1)),
        student_recipe=Recipe(epochs=40, peak_lr=0.1, batch=64, shift=1),
        pruned_widths=(16, 16, 32),
        recovery_recipe=Recipe(epochs=30, peak_lr=0.05, batch=64, shift=1),
        calibration=256,
    ),
    "mnist": Settings(
        teacher=Shape((64, 128, 128, 256, 256), (2, 1, 2, 1, 2)),
        teacher_recipe=Recipe(epochs=6, peak_lr=0.2, shift=2),
        student=Shape((32, 64, 64, 96), (2, 2, 1, 2)),
        student_recipe=Recipe(epochs=10, peak_lr=0.2, shift=2),
        pruned_widths=(16, 32, 32, 48),
        recovery_recipe=Recipe(epochs=8, peak_lr=0.1, shift=2),
        views=4,
    ),
    "cifar10": Settings(
        teacher=Shape((32, 64, 64, 160, 192, 384, 576), (1,) * 7, pools=(1, 3, 5)),
        teacher_recipe=Recipe(epochs=14, peak_lr=0.7, batch=256, weight_decay=1e-3, shift=2, flip=True, bias_rate=16, sit_out=0.5),
        teacher_smoothing=0.2,
        student=Shape((32, 32, 32, 128, 128, 128, 128), (1,) * 7, pools=(1, 3, 5)),
        student_recipe=Recipe(epochs=14, peak_lr=0.7, batch=256, weight_decay=1e-3, shift=2, flip=True),
        pruned_widths=(32, 32, 32, 96, 96, 96, 96),
        recovery_recipe=Recipe(epochs=12, peak_lr=0.4, batch=256, weight_decay=1e-3, shift=2, flip=True, bias_rate=16),
    ),
}
