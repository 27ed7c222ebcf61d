# A login shell sets PATH anew; this brings the workbench's environment back.
if [ -r /run/xpulab/environment.sh ]; then . /run/xpulab/environment.sh; fi
