module bkp.test/nebula/v21

go 1.24

require (
	bkp.test/nebula/core v0.0.0
	github.com/facebook/fbthrift v0.31.1-0.20210223140454-614a73a42488
	github.com/vesoft-inc/nebula-go/v2 v2.5.1
)

replace bkp.test/nebula/core => ../core
