#!/bin/sh
# From a folder of Waterbirds images and 25 boxes to a verdict, and a further round: see docs/afternoon.md.
#   sh examples/afternoon.sh ROOT [RUNS] [WEIGHTS]
set -eu
root=${1:?name the folder in which waterbird_1.0_forest2water2 and CUB_200_2011 lie}
runs=${2:-runs/afternoon}
weights=${3:-imagenet}

train() {
    model-guidance train --data waterbirds --root "$root" --size 192 --augment false \
        --backbone timm/tf_efficientnet_lite0 --weights "$weights" --frozen network.blocks.6 \
        --layer network.blocks.6 --freeze_statistics true --lr 1e-4 --epochs 3 --workers 0 --cache "$runs/cache" "$@"
}

since=$(date +%s)
took() {
    now=$(date +%s)
    echo "$1: $((now - since)) seconds"
    since=$now
}

train --out "$runs/baseline"
took "baseline, features of all images included"
train --lambda 100 --annotated 0.0053 --annotated_batch 16 --out "$runs/25-boxes"
model-guidance verdict "$runs/25-boxes" --baseline "$runs/baseline"
took "guided with 25 boxes, and the verdict"
train --lambda 300 --annotated 0.0074 --annotated_batch 16 --out "$runs/35-boxes"
model-guidance verdict "$runs/35-boxes" --baseline "$runs/baseline"
took "a further round: ten more boxes, another lambda"
train --lambda 300 --annotated 0.0074 --annotated_batch 16 --regions random --out "$runs/random"
model-guidance verdict "$runs/35-boxes" --baseline "$runs/baseline" --control "$runs/random"
took "the control: as many random boxes"
