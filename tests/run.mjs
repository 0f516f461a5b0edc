// Where the runner was: node testing/run.mjs is it.
import '../testing/run.mjs'
