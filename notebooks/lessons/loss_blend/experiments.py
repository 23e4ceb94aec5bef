"""The stored runs of 04: a map over temperature and weight of the teacher."""

from kdlab import experiments as lab

WEIGHTS = [0.1, 0.3, 0.5, 0.7, 0.9, 1.0]

blend = lab.Experiment(
    lab.student_run,
    lambda: lab.tuned(
        lab.grid(arm=[lab.LABELS], seed=lab.SEEDS)
        + lab.grid(
            soft_weight=WEIGHTS, arm=lab.taught(*lab.TEMPERATURES), seed=lab.SEEDS
        )
    ),
    after=lab.TUNED,
)
