#!/bin/sh
# Slurm: sbatch slurm.sh DATASET
# A task for each part; a task that was preempted is queued again, and does what is left.
#SBATCH --job-name=lookalike
#SBATCH --array=0-63
#SBATCH --cpus-per-task=4
#SBATCH --mem=4G
#SBATCH --time=24:00:00
#SBATCH --requeue

# 3: all is done, and some files could not be read, which is no reason to try again.
lookalike bulk run "$1" --part "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" || [ $? -eq 3 ]
