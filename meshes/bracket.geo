// An angle bracket: a foot with two bolt holes, an upright with a wide hole, and a rib that joins them.
SetFactory("OpenCASCADE");
Box(1) = {0, 0, 0, 60, 40, 8};
Box(2) = {0, 0, 8, 8, 40, 52};
// The rib, a triangle that is drawn out.
Point(101) = {8, 17, 8};
Point(102) = {42, 17, 8};
Point(103) = {8, 17, 42};
Line(101) = {101, 102};
Line(102) = {102, 103};
Line(103) = {103, 101};
Curve Loop(101) = {101, 102, 103};
Plane Surface(101) = {101};
rib[] = Extrude {0, 6, 0} { Surface{101}; };
BooleanUnion(200) = { Volume{1}; Delete; }{ Volume{2, rib[1]}; Delete; };
Cylinder(301) = {48, 9, -1, 0, 0, 10, 4};
Cylinder(302) = {48, 31, -1, 0, 0, 10, 4};
Cylinder(303) = {-1, 20, 49, 10, 0, 0, 7};
BooleanDifference(400) = { Volume{200}; Delete; }{ Volume{301, 302, 303}; Delete; };

Physical Volume("body") = {400};
Physical Surface("bolts") = Surface In BoundingBox {43, 4, -1, 53, 36, 9};
Physical Surface("eye") = Surface In BoundingBox {-1, 12, 41, 9, 28, 57};
Physical Surface("foot") = Surface In BoundingBox {-1, -1, -0.1, 61, 41, 0.1};
Mesh.MeshSizeMax = 5;
Mesh.MeshSizeFromCurvature = 14;
