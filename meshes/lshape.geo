// An L, finer at the corner that points inwards, where the gradient of the solution is not bounded.
Point(1) = {-1, -1, 0, 0.09};
Point(2) = {0, -1, 0, 0.06};
Point(3) = {0, 0, 0, 0.004};
Point(4) = {1, 0, 0, 0.06};
Point(5) = {1, 1, 0, 0.09};
Point(6) = {-1, 1, 0, 0.09};
Line(1) = {1, 2};
Line(2) = {2, 3};
Line(3) = {3, 4};
Line(4) = {4, 5};
Line(5) = {5, 6};
Line(6) = {6, 1};
Curve Loop(1) = {1, 2, 3, 4, 5, 6};
Plane Surface(1) = {1};

Physical Curve("corner") = {2, 3};
Physical Curve("outside") = {1, 4, 5, 6};
Physical Surface("domain") = {1};
