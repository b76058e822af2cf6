create schema [cust]
go
create schema [product]
go
create schema [supply]
go
create schema [bill]
go
create schema [ops]
go
create table [cust].[Customer] ([CustomerId] uniqueidentifier not null primary key, [Kind] varchar(8) not null, [Title] nvarchar(10), [FirstName] nvarchar(60), [MiddleNames] nvarchar(400) not null, [LastName] nvarchar(60) not null, [Suffix] nvarchar(10), [ANZSCO] char(6), [ANZSCORelease] varchar(30), [BusinessName] nvarchar(120), [LegalName] nvarchar(160), [ShortName] nvarchar(60), [ABN] char(11), [ACN] char(9), [LegalForm] varchar(20), [IsCharity] bit, [ANZSIC] char(4), [ANZSICRelease] varchar(30), [Country] char(3), [EstablishedOn] date, [Position] nvarchar(60), [UpdatedAt] datetime2(3) not null);
create table [cust].[Contact Point] ([CustomerId] uniqueidentifier not null, [PointNo] tinyint not null, [Channel] char(1) not null, [Purpose] varchar(13) not null, [Country] varchar(3), [Area] varchar(2), [Address] nvarchar(120) not null, [Extension] varchar(6), [E164] varchar(40), [Preferred] bit not null, primary key ([CustomerId], [PointNo]));
create table [cust].[Postal Address] ([CustomerId] uniqueidentifier not null, [Purpose] varchar(10) not null, [MailTo] nvarchar(60), [Line1] nvarchar(120), [Line2] nvarchar(120), [Line3] nvarchar(120), [DPID] char(8), [Building] nvarchar(60), [Estate] nvarchar(60), [LotNo] varchar(8), [FlatType] varchar(8), [FlatNo] varchar(8), [LevelNo] varchar(8), [HouseNo] int, [HouseSuffix] char(1), [HouseNoTo] int, [HouseSuffixTo] char(1), [Street] nvarchar(60), [StreetType] varchar(8), [StreetSuffix] varchar(8), [BoxNo] int, [BoxPrefix] varchar(3), [BoxSuffix] varchar(3), [Locality] nvarchar(60) not null, [State] nvarchar(30) not null, [Postcode] varchar(10), [Country] char(3), primary key ([CustomerId], [Purpose]));
create table [cust].[Site] ([SiteId] uniqueidentifier not null primary key, [Street] nvarchar(120) not null, [Suburb] nvarchar(60) not null, [State] varchar(3) not null, [Postcode] char(4) not null);
create table [cust].[Account] ([AccountId] int identity(1,1) not null primary key, [AccountNo] varchar(20) not null, [Status] tinyint not null, [OpenedOn] date not null, [ClosedOn] date, [MailSiteId] uniqueidentifier, [BillMonths] tinyint not null, [DeletedAt] datetime2(3));
create index [IX_Account_Site] on [cust].[Account] ([MailSiteId]);
create table [cust].[Account Holder] ([CustomerId] uniqueidentifier not null, [AccountId] int not null, [Role] char(1) not null, [MayShare] bit not null, [SinceOn] date not null, [UntilOn] date, primary key ([CustomerId], [AccountId]));
create index [IX_Holder_Account] on [cust].[Account Holder] ([AccountId]);
create table [cust].[Contact] ([ContactId] int identity(1,1) not null primary key, [AccountId] int not null, [Title] nvarchar(10), [FirstName] nvarchar(60), [MiddleNames] nvarchar(400) not null, [LastName] nvarchar(60) not null, [Suffix] nvarchar(10));
create index [IX_Contact_Account] on [cust].[Contact] ([AccountId]);
create table [cust].[Concession] ([AccountId] int not null, [ConcessionNo] tinyint not null, [Name] nvarchar(80) not null, [Kind] char(1) not null, [StartedOn] date, [EndedOn] date, [Every] varchar(8), [Amount] money, [Percentage] decimal(6,4), [AppliesTo] nvarchar(200), [Remark] nvarchar(200), [Url] nvarchar(200), primary key ([AccountId], [ConcessionNo]));
create table [cust].[Payment Schedule] ([AccountId] int not null, [ScheduleNo] tinyint not null, [Means] varchar(13) not null, [Every] varchar(8) not null, [Amount] money, [Calculation] varchar(10), [CardScheme] varchar(10), [Tokenised] bit, [BSB] char(6), [BankAccount] varchar(9), [WalletName] nvarchar(60), [WalletId] nvarchar(120), [WalletIdKind] varchar(12), [WalletProvider] varchar(9), primary key ([AccountId], [ScheduleNo]));
create table [product].[Offer] ([OfferCode] varchar(8) not null primary key, [Title] nvarchar(120) not null, [Fuels] varchar(2) not null, [Revision] int not null default 1, [MeterTitle] nvarchar(120), [MeterLeast] decimal(12,6), [MeterMost] decimal(12,6), [MeterEvery] varchar(8), [ElecModel] varchar(24), [ElecLocalTime] bit, [ElecFixed] bit, [ElecVariation] nvarchar(400), [ElecOnExpiry] nvarchar(400), [ElecPayBy] nvarchar(400), [ElecGreenShare] decimal(6,4), [GasModel] varchar(24), [GasFixed] bit, [GasVariation] nvarchar(400), [GasOnExpiry] nvarchar(400), [GasPayBy] nvarchar(400), [Contingent] bit, [MeterRemark] nvarchar(400), [ElecFeeRemark] nvarchar(400), [GasFeeRemark] nvarchar(400));
create table [product].[Tariff] ([OfferCode] varchar(8) not null, [Fuel] char(1) not null, [TariffNo] tinyint not null, [Section] varchar(12) not null, [Title] nvarchar(120) not null, [PricedBy] varchar(8) not null, [Class] varchar(12), [FirstMmdd] char(5), [LastMmdd] char(5), [Supply] decimal(12,6), [Scheme] varchar(8), [PaidBy] varchar(8), [Remark] nvarchar(400), [StartsOn] date, [EndsOn] date, [Bands] nvarchar(max), [LocalTime] bit, [General] decimal(12,6), primary key ([OfferCode], [Fuel], [TariffNo]));
create table [product].[Price] ([OfferCode] varchar(8) not null, [Fuel] char(1) not null, [TariffNo] tinyint not null, [BlockNo] tinyint not null, [StepNo] tinyint not null, [Title] nvarchar(120), [TimeOfUse] varchar(12), [Price] decimal(12,6) not null, [Unit] varchar(5) not null, [UpTo] int, [Hours] nvarchar(max), [DemandFrom] varchar(8), [DemandUntil] varchar(8), [DemandDays] nvarchar(200), [LeastKW] decimal(10,3), [MostKW] decimal(10,3), [Measured] varchar(8), [Charged] varchar(8), [Remark] nvarchar(400), [Every] varchar(8), primary key ([OfferCode], [Fuel], [TariffNo], [BlockNo], [StepNo]));
create table [product].[Extra] ([OfferCode] varchar(8) not null, [Fuel] char(1) not null, [Sort] varchar(8) not null, [Place] tinyint not null, [Kind] varchar(24) not null, [Term] varchar(16), [Title] nvarchar(120), [Remark] nvarchar(400), [Reason] varchar(24), [Basis] varchar(8), [Value] decimal(12,6), [Threshold] decimal(12,2), [EndsOn] date, [Info] nvarchar(max), primary key ([OfferCode], [Fuel], [Sort], [Place]));
create table [supply].[Point] ([PointId] uniqueidentifier not null primary key, [Fuel] char(1) not null, [NationalNo] varchar(11) not null, [SiteId] uniqueidentifier);
create index [IX_Point_Site] on [supply].[Point] ([SiteId]);
create table [supply].[Contract] ([ContractId] int identity(1,1) not null primary key, [AccountId] int not null, [OfferCode] varchar(8) not null, [FromOn] date not null, [UntilOn] date, [Nickname] nvarchar(80));
create index [IX_Contract_Account] on [supply].[Contract] ([AccountId]);
create table [supply].[Contract Point] ([ContractId] int not null, [PointId] uniqueidentifier not null, [Position] tinyint not null, primary key ([ContractId], [PointId]));
create index [IX_Contract_Point] on [supply].[Contract Point] ([PointId]);
create table [bill].[Invoice] ([InvoiceId] bigint identity(1,1) not null primary key, [InvoiceNo] varchar(20) not null, [AccountId] int not null, [IssuedOn] date not null, [DueOn] date, [PeriodFrom] date, [PeriodUntil] date, [Total] money not null, [GST] money not null, [BalanceAfter] money not null, [EarlyAmount] money, [EarlyGST] money, [EarlyUntil] date, [Paid] varchar(8) not null, [Note] nvarchar(200));
create index [IX_Invoice_Account] on [bill].[Invoice] ([AccountId]);
create index [IX_Invoice_Issued] on [bill].[Invoice] ([IssuedOn]);
create table [bill].[Invoice Line] ([InvoiceId] bigint not null, [LineNo] smallint not null, [Scope] char(1) not null, [Kind] char(3) not null, [ChargeType] char(3), [PointId] uniqueidentifier, [Amount] money not null, [GST] money not null, [Description] nvarchar(200) not null, primary key ([InvoiceId], [LineNo]));
create table [bill].[Ledger] ([EntryId] bigint identity(1,1) not null, [PostedOn] date not null, [AccountId] int not null, [PostedAt] datetime2(3) not null, [Kind] char(1) not null, [InvoiceId] bigint, [PointId] uniqueidentifier, [Amount] money not null, [GST] money not null, [Description] nvarchar(200), [ChargeType] char(3), [FromOn] date, [ToOn] date, [PayMethod] char(2), [TouCode] char(2), [Quantity] decimal(14,3), [Unit] varchar(5), [Estimated] bit, [StartsAt] datetime2(3), [EndsAt] datetime2(3), [DLF] decimal(8,5), [MLF] decimal(8,5), primary key ([EntryId], [PostedOn]));
create index [IX_Ledger_Account] on [bill].[Ledger] ([AccountId]);
create index [IX_Ledger_Invoice] on [bill].[Ledger] ([InvoiceId]);
create table [bill].[Adjustment] ([EntryId] bigint not null, [PostedOn] date not null, [Seq] tinyint not null, [Kind] char(1) not null, [Amount] money not null, [Description] nvarchar(200) not null, primary key ([EntryId], [PostedOn], [Seq]));
create table [bill].[Balance] ([AccountId] int not null primary key, [Balance] money not null);
create table [ops].[Activity Log] ([ActivityId] bigint identity(1,1) not null primary key, [Who] nvarchar(40) not null, [What] nvarchar(40) not null, [AccountId] int, [Line] int not null);
create table [ops].[wattle_sample_state] (one tinyint not null primary key, version bigint not null, seed varchar(20) not null, customers bigint not null, today date not null, months bigint not null, mutations bigint not null);
create table [ops].[wattle_sample_asked] (mutation bigint not null primary key, kind varchar(40) not null)
go
alter database current set allow_snapshot_isolation on
go
alter database current set change_tracking = on (change_retention = 7 days, auto_cleanup = on)
go
alter table [cust].[Customer] enable change_tracking;
alter table [cust].[Contact Point] enable change_tracking;
alter table [cust].[Postal Address] enable change_tracking;
alter table [cust].[Site] enable change_tracking;
alter table [cust].[Account] enable change_tracking;
alter table [cust].[Account Holder] enable change_tracking;
alter table [cust].[Contact] enable change_tracking;
alter table [cust].[Concession] enable change_tracking;
alter table [cust].[Payment Schedule] enable change_tracking;
alter table [product].[Offer] enable change_tracking;
alter table [product].[Tariff] enable change_tracking;
alter table [product].[Price] enable change_tracking;
alter table [product].[Extra] enable change_tracking;
alter table [supply].[Point] enable change_tracking;
alter table [supply].[Contract] enable change_tracking;
alter table [supply].[Contract Point] enable change_tracking;
alter table [bill].[Invoice] enable change_tracking;
alter table [bill].[Invoice Line] enable change_tracking;
alter table [bill].[Ledger] enable change_tracking;
alter table [bill].[Adjustment] enable change_tracking;
alter table [bill].[Balance] enable change_tracking
