module bkp.test/nebula/v20

go 1.24

require (
	bkp.test/nebula/core v0.0.0
	github.com/facebook/fbthrift v0.0.0-20190922225929-2f9839604e25
	github.com/vesoft-inc/nebula-go/v2 v2.0.0-ga
)

replace bkp.test/nebula/core => ../core
