// A plate of two materials with a round hole in the right one.
size = 0.045;
Point(1) = {0, 0, 0, size};
Point(2) = {1, 0, 0, size};
Point(3) = {2, 0, 0, size};
Point(4) = {2, 1, 0, size};
Point(5) = {1, 1, 0, size};
Point(6) = {0, 1, 0, size};
Line(1) = {1, 2};
Line(2) = {2, 3};
Line(3) = {3, 4};
Line(4) = {4, 5};
Line(5) = {5, 6};
Line(6) = {6, 1};
Line(7) = {2, 5};

// The hole: four arcs.
Point(10) = {1.5, 0.5, 0};
Point(11) = {1.75, 0.5, 0, size / 2};
Point(12) = {1.5, 0.75, 0, size / 2};
Point(13) = {1.25, 0.5, 0, size / 2};
Point(14) = {1.5, 0.25, 0, size / 2};
Circle(11) = {11, 10, 12};
Circle(12) = {12, 10, 13};
Circle(13) = {13, 10, 14};
Circle(14) = {14, 10, 11};

Curve Loop(1) = {1, 7, 5, 6};
Curve Loop(2) = {2, 3, 4, -7};
Curve Loop(3) = {11, 12, 13, 14};
Plane Surface(1) = {1};
Plane Surface(2) = {2, 3};

Physical Curve("left") = {6};
Physical Curve("right") = {3};
Physical Curve("top") = {4, 5};
Physical Curve("bottom") = {1, 2};
Physical Curve("hole") = {11, 12, 13, 14};
Physical Surface("copper") = {1};
Physical Surface("steel") = {2};
