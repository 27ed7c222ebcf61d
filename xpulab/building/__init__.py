"""The lab's builder makes its workbench images."""
